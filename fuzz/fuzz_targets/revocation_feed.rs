#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mapae_fuzz::revocation_feed(data));
