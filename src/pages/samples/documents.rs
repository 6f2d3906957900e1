//! Documents of the samples.

use super::names::{HOSTILE as HOSTILE_TEXT, HOSTILE_LINK};
use crate::pages::document::DocumentToAccept;

const TERMS: DocumentToAccept<'static> = DocumentToAccept {
    id: "tos",
    version: "2026-11-01",
    title: "Terms of use",
    url: "https://books.example.com/terms",
    required: true,
    is_ticked: false,
};

/// The one document of most operators.
pub(crate) fn one() -> Vec<DocumentToAccept<'static>> {
    vec![TERMS]
}

/// A document of each kind.
pub(crate) fn several() -> Vec<DocumentToAccept<'static>> {
    let privacy = DocumentToAccept { id: "privacy", title: "개인정보 처리방침", ..TERMS };
    let news = DocumentToAccept {
        id: "news",
        title: "Marketing messages about new books, events and offers of our partners",
        required: false,
        is_ticked: true,
        ..TERMS
    };
    vec![TERMS, privacy, news]
}

pub(crate) fn hostile() -> Vec<DocumentToAccept<'static>> {
    let hostile = DocumentToAccept {
        id: "x",
        version: HOSTILE_TEXT,
        title: HOSTILE_TEXT,
        url: HOSTILE_LINK,
        required: true,
        is_ticked: true,
    };
    vec![hostile]
}
