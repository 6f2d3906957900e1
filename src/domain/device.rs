//! The name of a device: the browser and the operating system that a `User-Agent` names.

/// The browser that a `User-Agent` names, if it is a well-known one.
#[must_use]
pub fn browser(user_agent: &str) -> Option<&'static str> {
    // Nearly all browsers also name other browsers, so the most specific word is checked first.
    const BROWSERS: &[(&str, &str)] = &[
        ("KAKAOTALK", "KakaoTalk"),
        ("NAVER(", "Naver"),
        ("Whale/", "Whale"),
        ("SamsungBrowser/", "Samsung Internet"),
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("Vivaldi/", "Vivaldi"),
        ("FxiOS/", "Firefox"),
        ("Firefox/", "Firefox"),
        ("CriOS/", "Chrome"),
        ("Chrome/", "Chrome"),
        ("Version/", "Safari"),
        ("curl/", "curl"),
    ];
    find(user_agent, BROWSERS)
}

/// The operating system that a `User-Agent` names, if it is a well-known one.
#[must_use]
pub fn system(user_agent: &str) -> Option<&'static str> {
    const SYSTEMS: &[(&str, &str)] = &[
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("CrOS", "ChromeOS"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ];
    find(user_agent, SYSTEMS)
}

fn find(text: &str, known: &[(&str, &'static str)]) -> Option<&'static str> {
    known.iter().find(|(word, _)| text.contains(word)).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_have_the_names_that_people_know() {
        for (user_agent, browser_name, system_name) in [
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
                Some("Chrome"),
                Some("Windows"),
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1",
                Some("Safari"),
                Some("iPhone"),
            ),
            (
                "Mozilla/5.0 (Linux; Android 15; SM-S928N) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/27.0 Chrome/125.0.0.0 Mobile Safari/537.36",
                Some("Samsung Internet"),
                Some("Android"),
            ),
            (
                "Mozilla/5.0 (Linux; Android 15; wv) AppleWebKit/537.36 Version/4.0 Chrome/130.0 Mobile Safari/537.36;KAKAOTALK 2410",
                Some("KakaoTalk"),
                Some("Android"),
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:130.0) Gecko/20100101 Firefox/130.0",
                Some("Firefox"),
                Some("macOS"),
            ),
            ("<script>", None, None),
        ] {
            assert_eq!((browser(user_agent), system(user_agent)), (browser_name, system_name));
        }
    }
}
