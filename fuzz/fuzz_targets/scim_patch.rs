#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mapae_fuzz::scim_patch(data));
