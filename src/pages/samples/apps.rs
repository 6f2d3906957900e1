//! Apps of the samples.

use super::names::{HOSTILE as HOSTILE_TEXT, HOSTILE_LINK};
use crate::pages::app_summary::App;

/// A placeholder for the path of an image.
pub(crate) const IMAGE: &str = "/sample-image";

pub(crate) const SHOP: App<'static> = App {
    name: "Dalbit Books",
    host: Some("books.example.com"),
    logo: None,
    policy_uri: Some("https://books.example.com/privacy"),
    tos_uri: Some("https://books.example.com/terms"),
};
pub(crate) const BARE: App<'static> =
    App { name: "달빛책방", host: None, logo: None, policy_uri: None, tos_uri: None };
pub(crate) const LONG: App<'static> = App {
    name: "대한민국 전국 지방자치단체 통합 민원 접수 및 처리 결과 알림 서비스 — International Residents Edition",
    host: Some("a-very-long-subdomain-of-the-service.municipalities.example.com"),
    logo: Some(IMAGE),
    policy_uri: Some("http://example.com/privacy"),
    tos_uri: None,
};
pub(crate) const HOSTILE: App<'static> = App {
    name: HOSTILE_TEXT,
    host: Some(HOSTILE_TEXT),
    logo: Some("//elsewhere.example/logo.svg"),
    policy_uri: Some(HOSTILE_LINK),
    tos_uri: Some(HOSTILE_LINK),
};
