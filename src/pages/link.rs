//! Values in links.

use url::form_urlencoded::byte_serialize;

/// Encodes a value for a query or a path.
pub(super) fn in_query(value: &str) -> String {
    byte_serialize(value.as_bytes()).collect()
}

/// A link to a web page. A URL of another scheme, like `javascript:`, never becomes a link.
pub(super) fn web_link(uri: Option<&str>) -> Option<&str> {
    uri.filter(|uri| ["https://", "http://"].iter().any(|scheme| uri.starts_with(scheme)))
}

#[cfg(test)]
mod tests {
    use super::web_link;

    #[test]
    fn only_the_web_is_linked() {
        assert_eq!(web_link(Some("https://a.example")), Some("https://a.example"));
        assert_eq!(web_link(Some("http://localhost:1")), Some("http://localhost:1"));
        for uri in ["javascript:alert(1)", " https://a", "//a.example", "/path", "data:,", ""] {
            assert_eq!(web_link(Some(uri)), None, "{uri}");
        }
    }
}
