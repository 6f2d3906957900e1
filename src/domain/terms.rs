//! Documents that people have to accept, or may accept.

use std::collections::BTreeMap;

/// A document that people are asked to accept when they make an account, and again when it has a
/// new version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its name in forms and in the database.
    pub id: String,
    /// Its version. Any other text is another version.
    pub version: String,
    /// Whether nobody gets on without accepting it.
    pub required: bool,
    /// Its title, by language.
    pub title: BTreeMap<String, String>,
    /// Where people read it, by language.
    pub url: BTreeMap<String, String>,
}

impl Document {
    /// The title in this language, or in any other one.
    #[must_use]
    pub fn title(&self, language: &str) -> &str {
        in_language(&self.title, language).unwrap_or(&self.id)
    }

    /// The URL in this language, or in any other one.
    #[must_use]
    pub fn url(&self, language: &str) -> &str {
        in_language(&self.url, language).unwrap_or_default()
    }
}

fn in_language<'a>(texts: &'a BTreeMap<String, String>, language: &str) -> Option<&'a str> {
    texts.get(language).or_else(|| texts.values().next()).map(String::as_str)
}

/// The documents of a server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms(pub Vec<Document>);

/// The acceptance of one version of a document by one person.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Acceptance {
    /// The document.
    pub document: String,
    /// The version.
    pub version: String,
}

impl Terms {
    /// Whether a person who accepted these has to be asked before anything else.
    #[must_use]
    pub fn are_due(&self, accepted: &[Acceptance]) -> bool {
        self.0.iter().any(|document| document.required && !is_among(document, accepted))
    }

    /// The documents whose current version is not among these.
    #[must_use]
    pub fn without<'a>(&'a self, accepted: &[Acceptance]) -> Vec<&'a Document> {
        self.0.iter().filter(|document| !is_among(document, accepted)).collect()
    }

    /// Those of the acceptances in a form that are of a current version.
    #[must_use]
    pub fn current<'a>(&'a self, accepted: &[Acceptance]) -> Vec<&'a Document> {
        self.0.iter().filter(|document| is_among(document, accepted)).collect()
    }
}

fn is_among(document: &Document, accepted: &[Acceptance]) -> bool {
    accepted.iter().any(|one| one.document == document.id && one.version == document.version)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(id: &str, version: &str, required: bool) -> Document {
        let texts = |text: &str| BTreeMap::from([("ko".to_owned(), text.to_owned())]);
        let (title, url) = (texts("약관"), texts("https://example.com/ko"));
        Document { id: id.to_owned(), version: version.to_owned(), required, title, url }
    }

    fn acceptance(document: &str, version: &str) -> Acceptance {
        Acceptance { document: document.to_owned(), version: version.to_owned() }
    }

    #[test]
    fn a_required_document_is_due_until_its_current_version_was_accepted() {
        let terms = Terms(vec![document("tos", "2", true), document("news", "1", false)]);
        let old = acceptance("tos", "1");
        let (new, news) = (acceptance("tos", "2"), acceptance("news", "1"));
        for (accepted, due, left) in [
            (vec![], true, 2),
            (vec![old.clone()], true, 2),
            (vec![news.clone()], true, 1),
            (vec![old, new.clone()], false, 1),
            (vec![new, news], false, 0),
        ] {
            assert_eq!(terms.are_due(&accepted), due, "{accepted:?}");
            assert_eq!(terms.without(&accepted).len(), left, "{accepted:?}");
        }
        assert!(!Terms::default().are_due(&[]));
    }

    #[test]
    fn a_document_speaks_another_language_rather_than_none() {
        let terms = document("tos", "1", true);
        assert_eq!((terms.title("en"), terms.url("ko")), ("약관", "https://example.com/ko"));
    }
}
