//! Browsers that are built into other apps, and the links that open a page outside of them.

use url::form_urlencoded::byte_serialize;

use crate::domain::provider::Preset;

/// An app that opens links in a browser of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the app of that name")]
pub enum EmbeddedBrowser {
    KakaoTalk,
    Naver,
    Line,
    Daum,
    Instagram,
    Facebook,
    /// An app that is not known by name.
    WebView,
}

/// The app to which the browser belongs, by its `User-Agent`.
#[must_use]
pub fn embedded_browser(user_agent: &str) -> Option<EmbeddedBrowser> {
    const KNOWN: &[(&str, EmbeddedBrowser)] = &[
        ("KAKAOTALK", EmbeddedBrowser::KakaoTalk),
        ("NAVER(inapp", EmbeddedBrowser::Naver),
        (" Line/", EmbeddedBrowser::Line),
        ("DaumApps", EmbeddedBrowser::Daum),
        ("Instagram", EmbeddedBrowser::Instagram),
        ("FBAN", EmbeddedBrowser::Facebook),
        ("FBAV", EmbeddedBrowser::Facebook),
        ("FB_IAB", EmbeddedBrowser::Facebook),
        // Android's own mark for a browser inside of an app.
        ("; wv)", EmbeddedBrowser::WebView),
    ];
    let known = KNOWN.iter().find(|(word, _)| user_agent.contains(word)).map(|(_, app)| *app);
    known.or_else(|| is_web_view_of_ios(user_agent).then_some(EmbeddedBrowser::WebView))
}

/// Safari and the browsers that people install on iOS have `Safari/` in their `User-Agent`; the
/// browsers inside of apps do not. A page that was added to the home screen looks the same.
fn is_web_view_of_ios(user_agent: &str) -> bool {
    let has = |word| user_agent.contains(word);
    (has("iPhone") || has("iPad")) && has("AppleWebKit") && has("Mobile/") && !has("Safari/")
}

impl EmbeddedBrowser {
    /// The name of the app, unless a language has a different name for it. `None` for an app that
    /// is not known by name.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::KakaoTalk => Some("KakaoTalk"),
            Self::Naver => Some("Naver"),
            Self::Line => Some("LINE"),
            Self::Daum => Some("Daum"),
            Self::Instagram => Some("Instagram"),
            Self::Facebook => Some("Facebook"),
            Self::WebView => None,
        }
    }

    /// The preset of the provider at which the person is already signed in inside of this app, so
    /// that they need not type anything.
    #[must_use]
    pub fn at_home(self) -> Option<Preset> {
        match self {
            Self::KakaoTalk | Self::Daum => Some(Preset::Kakao),
            Self::Naver => Some(Preset::Naver),
            Self::Line => Some(Preset::Line),
            Self::Instagram | Self::Facebook => Some(Preset::Facebook),
            Self::WebView => None,
        }
    }

    /// A link that opens this address in the person's own browser. `None` where no link can do that
    /// and the person has to do it by hand.
    #[must_use]
    pub fn way_out(self, user_agent: &str, address: &str) -> Option<String> {
        let android = user_agent.contains("Android");
        match self {
            Self::KakaoTalk => {
                let address: String = byte_serialize(address.as_bytes()).collect();
                let address = address.replace('+', "%20");
                Some(format!("kakaotalk://web/openExternal?url={address}"))
            }
            Self::Line => {
                let separator = if address.contains('?') { '&' } else { '?' };
                Some(format!("{address}{separator}openExternalBrowser=1"))
            }
            _ if android => {
                let (scheme, rest) = address.split_once("://")?;
                Some(format!(
                    "intent://{rest}#Intent;scheme={scheme};action=android.intent.action.VIEW;\
                     category=android.intent.category.BROWSABLE;end"
                ))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANDROID: &str = "Mozilla/5.0 (Linux; Android 15; SM-S928N Build/AP3A; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/130.0.0.0 Mobile Safari/537.36";
    const IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/22A3354";

    #[test]
    fn the_browsers_of_apps_are_known_by_what_they_call_themselves() {
        for (user_agent, app) in [
            (format!("{ANDROID};KAKAOTALK 2410850"), Some(EmbeddedBrowser::KakaoTalk)),
            (format!("{IPHONE} KAKAOTALK 10.8.5"), Some(EmbeddedBrowser::KakaoTalk)),
            (
                format!("{ANDROID} NAVER(inapp; search; 2000; 12.8.50)"),
                Some(EmbeddedBrowser::Naver),
            ),
            (format!("{IPHONE} Safari Line/14.16.0"), Some(EmbeddedBrowser::Line)),
            (format!("{ANDROID} DaumApps/6.9.8 DaumDevice/mobile"), Some(EmbeddedBrowser::Daum)),
            (
                format!("{ANDROID} Instagram 351.0.0.41.106 Android"),
                Some(EmbeddedBrowser::Instagram),
            ),
            (
                format!("{IPHONE} [FBAN/FBIOS;FBAV/485.1.0.45.110;FBBV/665337277]"),
                Some(EmbeddedBrowser::Facebook),
            ),
            (
                format!("{ANDROID} [FB_IAB/FB4A;FBAV/483.0.0.55.74;]"),
                Some(EmbeddedBrowser::Facebook),
            ),
            (ANDROID.to_owned(), Some(EmbeddedBrowser::WebView)),
            (IPHONE.to_owned(), Some(EmbeddedBrowser::WebView)),
            (IPHONE.replace("iPhone", "iPad"), Some(EmbeddedBrowser::WebView)),
            (format!("{IPHONE} Version/18.0 Safari/604.1"), None),
            (format!("{IPHONE} CriOS/140.0.0.0 Safari/604.1"), None),
            ("Mozilla/5.0 (Windows NT 10.0) Chrome/140.0.0.0 Safari/537.36".to_owned(), None),
            ("Baseline/1.0".to_owned(), None),
            (String::new(), None),
        ] {
            assert_eq!(embedded_browser(&user_agent), app, "{user_agent}");
        }
    }

    #[test]
    fn the_way_out_opens_the_persons_own_browser() {
        let address = "https://id.example.com/login/elsewhere?interaction=a";
        let out = |app: EmbeddedBrowser, user_agent| app.way_out(user_agent, address);
        assert_eq!(
            out(EmbeddedBrowser::KakaoTalk, IPHONE).as_deref(),
            Some(
                "kakaotalk://web/openExternal?url=https%3A%2F%2Fid.example.com%2Flogin%2Felsewhere%3Finteraction%3Da"
            )
        );
        assert_eq!(
            out(EmbeddedBrowser::Line, IPHONE),
            Some(format!("{address}&openExternalBrowser=1"))
        );
        let intent = out(EmbeddedBrowser::Instagram, ANDROID).unwrap();
        assert!(
            intent.starts_with("intent://id.example.com/login/elsewhere?interaction=a#Intent;")
        );
        assert!(intent.contains(";scheme=https;"));
        assert_eq!(out(EmbeddedBrowser::Instagram, IPHONE), None);
    }
}
