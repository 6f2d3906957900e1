//! Requests that no person looks at have no effect: HEAD, and what a browser prefetches. And a
//! query cannot make a page claim that something was done.

use crate::my_account::{first_party, is_signed_in, send, signed_in};
use crate::support::{Server, both, form};

both! {
    /// A code that nobody waits for is a code that somebody else may read.
    async fn head_and_prefetch_issue_no_code_and_sign_nobody_out(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = first_party(&server).await;
        let mut browser = server.browser();
        let code = browser.code(&app).await;
        let hint = app.exchange(&code).await.ok().text("id_token");
        let evidence = server.evidence().await;
        let codes = async || evidence.count("SELECT count(*) AS n FROM authorization_code").await;
        assert_eq!(codes().await, 1);
        let logout = format!("/logout?{}", form(&[("id_token_hint", &hint)]));
        let logout_here = server.url(&logout);
        let request = app.authorization_url(&[]);
        for url in [&request, &logout_here, &server.url("/account"), &server.url("/login")] {
            let cookies = browser.cookies.iter().map(|(name, value)| format!("{name}={value}"));
            let cookies = cookies.collect::<Vec<_>>().join("; ");
            let answer = server.http.head(url).header("cookie", cookies).send().await.unwrap();
            assert_eq!(answer.status(), 204, "{url}");
            assert!(answer.headers().get("location").is_none());
        }
        for (name, value) in [
            ("sec-purpose", "prefetch"),
            ("sec-purpose", "prefetch;prerender"),
            ("sec-purpose", "prefetch;anonymous-client-ip"),
            ("purpose", "prefetch"),
            ("x-purpose", "preview"),
            ("x-moz", "prefetch"),
        ] {
            let mut ahead = browser.clone().saying(name, value);
            for path in [request.as_str(), logout.as_str()] {
                let page = ahead.get(path).await;
                assert_eq!(page.reply.status, 503, "{name} {value}");
                assert_eq!(page.reply.header("cache-control"), "no-store");
                assert_eq!(page.location(), None);
            }
        }
        assert_eq!(codes().await, 1);
        assert!(is_signed_in(&browser, &app).await);
        let mut asking = browser.clone().saying("sec-purpose", "something-else");
        asking.get(&request).await.authorization_response().code();
        browser.get(&logout).await;
        assert!(!is_signed_in(&browser, &app).await);
    }

    /// No link of somebody else says on the account page that something was done.
    async fn the_account_page_repeats_only_what_we_said(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = first_party(&server).await;
        let (mut browser, ..) = signed_in(&server, &app).await;
        let account = browser.open("/account").await;
        let session = account.hidden("session");
        let says = |page: &crate::support::Page| page.reply.text.contains("role=\"status\"");
        for made in ["done=password", "done=device", "done=app", "done=linked", "done=unlinked", "done=confirmed",
            "note=taken&provider=idp", "note=unknown", "note=last-way-in"] {
            for path in [format!("/account?{made}"), format!("/account?session={session}&{made}"),
                format!("/account?session={session}&said=x&{made}")] {
                let page = browser.open(&path).await;
                assert!(page.has("account-sign-out") && !says(&page), "{path}");
                assert!(!page.reply.text.contains("role=\"alert\""), "{path}");
            }
        }
        let new = [("current-password", crate::support::PASSWORD), ("new-password", "a much better one 7!")];
        let changed = send(&mut browser, &account, "/account/password", &new).await;
        let location = changed.location().unwrap().to_owned();
        let page = browser.open(&location).await;
        assert!(says(&page), "{}", page.reply.text);
        // It is said of this session and of nothing else.
        let other = location.replace("done=password", "done=app");
        assert!(!says(&browser.open(&other).await));
        let mut elsewhere = server.browser();
        let login = elsewhere.open("/account").await;
        let theirs = elsewhere.sign_in_as(&login, "alice", "a much better one 7!").await;
        let theirs = theirs.hidden("session");
        assert!(!says(&elsewhere.open(&location.replace(&session, &theirs)).await));
    }
}
