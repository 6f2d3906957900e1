//! Opening a page outside of the browser that is part of another app.

/// How to open the page outside of the browser that is part of another app.
#[derive(Clone, Debug)]
pub struct ExternalBrowser<'a> {
    /// The name of the app, like `KakaoTalk`; `None`: it is not known.
    pub app: Option<&'a str>,
    /// The link that opens the page in the person's own browser.
    pub href: Option<&'a str>,
    /// The address of the page, to copy by hand.
    pub address: &'a str,
    /// The names of the providers that do not work in this browser.
    pub without: Vec<&'a str>,
}
