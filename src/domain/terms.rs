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

/// What a person answered to one version of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TermsAnswer {
    /// The document and its version.
    pub asked: Acceptance,
    /// Whether the person accepted it; `false`: they left it out, as it was not required.
    pub is_accepted: bool,
}

impl Terms {
    /// Whether a person who gave these answers has to accept something before anything else.
    #[must_use]
    pub fn are_due(&self, answers: &[TermsAnswer]) -> bool {
        self.open(answers).iter().any(|document| document.required)
    }

    /// The documents whose current version a person has not answered. What was left out while it
    /// was not required is open again when it is required.
    #[must_use]
    pub fn open(&self, answers: &[TermsAnswer]) -> Vec<&Document> {
        let counts = |document: &Document, answer: &TermsAnswer| {
            is_of(document, &answer.asked) && (answer.is_accepted || !document.required)
        };
        let is_open = |document: &&Document| !answers.iter().any(|one| counts(document, one));
        self.0.iter().filter(is_open).collect()
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
    accepted.iter().any(|one| is_of(document, one))
}

fn is_of(document: &Document, one: &Acceptance) -> bool {
    one.document == document.id && one.version == document.version
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
    fn each_version_is_asked_for_once_and_a_required_one_until_it_is_accepted() {
        let terms = Terms(vec![document("tos", "2", true), document("news", "1", false)]);
        let answer = |document, version, is_accepted| TermsAnswer {
            asked: acceptance(document, version),
            is_accepted,
        };
        for (answers, is_due, open) in [
            (vec![], true, 2),
            (vec![answer("tos", "1", true)], true, 2),
            (vec![answer("news", "1", true)], true, 1),
            (vec![answer("news", "1", false)], true, 1),
            (vec![answer("tos", "2", false), answer("news", "1", true)], true, 1),
            (vec![answer("tos", "2", true)], false, 1),
            (vec![answer("tos", "2", true), answer("news", "0", false)], false, 1),
            (vec![answer("tos", "2", true), answer("news", "1", false)], false, 0),
            (vec![answer("tos", "2", true), answer("news", "1", true)], false, 0),
        ] {
            assert_eq!(terms.are_due(&answers), is_due, "{answers:?}");
            assert_eq!(terms.open(&answers).len(), open, "{answers:?}");
        }
        assert!(!Terms::default().are_due(&[]));
    }

    #[test]
    fn only_current_versions_in_a_form_count() {
        let terms = Terms(vec![document("tos", "2", true), document("news", "1", false)]);
        let form = [acceptance("tos", "1"), acceptance("news", "1")];
        let ids = |found: Vec<&Document>| -> Vec<String> {
            found.into_iter().map(|document| document.id.clone()).collect()
        };
        assert_eq!(ids(terms.current(&form)), ["news"]);
        assert_eq!(ids(terms.without(&form)), ["tos"]);
    }

    #[test]
    fn a_document_speaks_another_language_rather_than_none() {
        let terms = document("tos", "1", true);
        assert_eq!((terms.title("en"), terms.url("ko")), ("약관", "https://example.com/ko"));
    }
}
