//! Providers that do not answer. Real time passes in these tests. Security case S128.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use tokio::net::TcpListener;

use super::row_counts::{
    DISCOVERY, RowCounts, refusals, shows_notice, sign_in_at_provider, sign_in_at_provider_from,
};
use super::{with_idp, with_idp_and_proxy};
use crate::support::upstream::{Answer, Defect, FaultyProvider, Oidc};
use crate::support::{Database, both};

/// Whoever comes back by this lie waits, and is told.
async fn waits(database: &Database, defect: Defect) {
    let faulty = FaultyProvider::start().await;
    let (server, app) = with_idp(database, faulty.base(), "").await;
    faulty.follows(server.now());
    faulty.has_defect(defect);
    shows_notice(&sign_in_at_provider(&server, &app, "idp", &faulty).await, "idp", "unavailable");
    let evidence = server.evidence().await;
    assert_eq!(refusals(&evidence).await, ["idp: unavailable"], "{defect:?}");
    assert_eq!(RowCounts::of(&evidence).await, RowCounts::NONE, "{defect:?}");
    faulty.has_defect(None);
    sign_in_at_provider(&server, &app, "idp", &faulty).await.authorization_response().code();
}

/// Whoever wants to leave waits, and stays; nobody else waits with them.
async fn stays(database: &Database) {
    let idp = Oidc::start().await;
    let (server, app) = with_idp(database, idp.base(), "").await;
    idp.follows(server.now());
    server.alice().await;
    idp.answers_with(DISCOVERY, Answer::never());
    let mut browser = server.browser();
    let page = browser.open(&app.authorization_url(&[])).await;
    let leaving = browser.cannot_start_upstream_login(&page, "idp");
    let other = async {
        let code = server.browser().code(&app).await;
        app.exchange(&code).await.ok();
    };
    let (page, ()) = tokio::join!(leaving, other);
    idp.answers_normally();
    let left = browser.start_upstream_login(&page, "idp").await;
    let callback = idp.approve(left.location().expect("sent away"));
    browser.complete_upstream_login(&callback).await.authorization_response().code();
}

/// Five time-outs are enough, where they are met at several places.
async fn rests(database: &Database) {
    let idp = Oidc::start().await;
    let (server, app) = with_idp_and_proxy(database, idp.base()).await;
    idp.follows(server.now());
    let mut away = Vec::new();
    for number in 0..5 {
        let address = format!("192.0.2.{number}");
        let mut browser = server.browser().saying("x-forwarded-for", &address);
        let page = browser.open(&app.authorization_url(&[])).await;
        let left = browser.start_upstream_login(&page, "idp").await;
        away.push((browser, idp.approve(left.location().expect("sent away"))));
    }
    idp.answers_with("/token", Answer::never());
    let back = away.iter_mut().map(|(browser, callback)| browser.complete_upstream_login(callback));
    for page in join_all(back).await {
        shows_notice(&page, "idp", "unavailable");
    }
    idp.answers_normally();
    assert_eq!(idp.count("/token"), 5);
    shows_notice(
        &sign_in_at_provider_from(&server, &app, &idp, "192.0.2.1").await,
        "idp",
        "unavailable",
    );
    assert_eq!(idp.count("/token"), 5, "it rests");
    server.advance(30);
    sign_in_at_provider_from(&server, &app, &idp, "192.0.2.1")
        .await
        .authorization_response()
        .code();
    assert_eq!(idp.count("/token"), 6);
}

both! {
    async fn s128_who_waits_for_a_provider_is_told_and_nobody_waits_for_ever(database) {
        tokio::join!(
            waits(&database, Defect::TokenNever),
            waits(&database, Defect::JwksNever),
            stays(&database),
            rests(&database),
        );
    }

    async fn connections_that_break_make_a_provider_rest(database) {
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let issuer = format!("http://{}", socket.local_addr().expect("an address"));
        let calls = Arc::<AtomicUsize>::default();
        let counted = Arc::clone(&calls);
        let task = tokio::spawn(async move {
            loop {
                drop(socket.accept().await.expect("a connection"));
                counted.fetch_add(1, Ordering::SeqCst);
            }
        });
        let (server, app) = with_idp(&database, &issuer, "").await;
        let mut browser = server.browser();
        let page = browser.open(&app.authorization_url(&[])).await;
        // Of seven who want to leave five make a call; after a rest one does, and then nobody.
        for (rest, expected) in [(0, 5), (29, 5), (1, 6), (29, 6), (1, 7)] {
            server.advance(rest);
            for _ in 0..7 {
                browser.cannot_start_upstream_login(&page, "idp").await;
            }
            assert_eq!(calls.load(Ordering::SeqCst), expected, "after {rest} s more");
        }
        task.abort();
    }
}
