//! The way out of a browser that is part of an app.

/// The way out of an app's own browser.
#[derive(Clone, Copy, Debug)]
pub struct WayOut<'a> {
    /// The app, like `KakaoTalk`; none: some app.
    pub app: Option<&'a str>,
    /// What opens the page in the person's own browser.
    pub href: Option<&'a str>,
    /// The address of the page, to copy by hand.
    pub address: &'a str,
}

/// What may lead out: a web page, and what apps and Android understand.
const SCHEMES: [&str; 3] = ["https://", "kakaotalk://", "intent:"];

impl<'a> WayOut<'a> {
    /// The way out, if it can be a link.
    pub(super) fn link(&self) -> Option<&'a str> {
        self.href.filter(|href| is_ours(href) || SCHEMES.iter().any(|it| href.starts_with(it)))
    }
}

/// A path of ours. Browsers read `\` as `/` and pass over tabs and line ends.
fn is_ours(href: &str) -> bool {
    let is_misread = |c: char| c == '\\' || c.is_ascii_control();
    href.starts_with('/') && !href.starts_with("//") && !href.contains(is_misread)
}

#[cfg(test)]
mod tests {
    use super::WayOut;

    #[test]
    fn only_what_leads_out_is_linked() {
        let link = |href| WayOut { app: None, href: Some(href), address: "" }.link();
        for href in [
            "/login/out?interaction=i",
            "https://login.example/login",
            "kakaotalk://web/openExternal?url=https%3A%2F%2Flogin.example",
            "intent://login.example/login#Intent;scheme=https;end",
        ] {
            assert_eq!(link(href), Some(href));
        }
        for href in [
            "javascript:alert(1)",
            "//evil.example",
            "/\\evil.example",
            "/\t/evil.example",
            "http://login.example",
            "data:text/html,x",
            " https://login.example",
            "kakaotalk:x",
            "login",
            "",
        ] {
            assert_eq!(link(href), None, "{href}");
        }
    }
}
