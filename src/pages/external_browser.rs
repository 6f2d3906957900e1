//! The way out of a browser that is part of an app.

/// The way out of an app's own browser.
#[derive(Clone, Debug)]
pub struct ExternalBrowser<'a> {
    /// The app, like `KakaoTalk`; none: some app.
    pub app: Option<&'a str>,
    /// What opens the page in the person's own browser.
    pub href: Option<&'a str>,
    /// The address of the page, to copy by hand.
    pub address: &'a str,
    /// What people call the providers that do not work in here.
    pub without: Vec<&'a str>,
}
