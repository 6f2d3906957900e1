//! Texts that every page must show correctly.

pub(crate) const LONG: &str =
    "hippopotomonstrosesquippedaliophobia.bartholomew@very-long-subdomain.example.com";
pub(crate) const HOSTILE: &str = "<img src=x onerror=alert(1)>\"'&{{";
pub(crate) const HOSTILE_LINK: &str = "javascript:alert(1)";
