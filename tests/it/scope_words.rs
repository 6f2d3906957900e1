//! The words of scopes, on the consent page and on the page of a person's apps.

use mapae::domain::scope::Scope;
use serde_json::{Value, json};

use crate::support::{Cli, Server, both};

async fn describe(cli: &Cli, name: &str, en: &str, ko: &str) -> Value {
    let arguments = ["scope", "create", "--name", name, "--text-en", en, "--text-ko", ko];
    cli.json(&arguments, None).await
}

both! {
    async fn the_consent_page_says_the_words_of_a_scope_in_the_language_of_the_page(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let cli = server.cli().await;
        describe(&cli, "orders:read", "See your orders", "주문 내역 보기").await;
        describe(&cli, "orders:evil", "<b onclick=x>&", "<i>").await;
        let scope = "openid orders:read orders:write orders:evil";
        let app = server.web_app("app", |client| {
            client.metadata.scope = Scope::parse(scope).unwrap();
        })
        .await;
        for (language, text) in [("en", "See your orders"), ("ko", "주문 내역 보기")] {
            let changes = [("scope", scope), ("ui_locales", language), ("prompt", "consent")];
            let mut browser = server.browser();
            let login = browser.open(&app.authorization_url(&changes)).await;
            let consent = browser.sign_in(&login).await;
            let page = consent.reply.text.as_str();
            assert!(page.contains(text) && !page.contains("orders:read"), "{page}");
            assert!(!page.contains("<b onclick") && !page.contains("<i>"), "{page}");
            // Codes that nobody described come last.
            let code = page.find("<code>orders:write</code>").expect("the code");
            assert!(page.find(text).unwrap() < code, "{page}");
            browser.consent(&consent, "allow").await;
            let apps = browser.open("/account/apps").await;
            assert!(apps.reply.text.contains("orders:write"), "{}", apps.reply.text);
            assert!(!apps.reply.text.contains("orders:read"), "{}", apps.reply.text);
        }
        cli.json(&["scope", "delete", "--name", "orders:read"], None).await;
        let mut browser = server.browser();
        let changes = [("scope", scope), ("prompt", "consent")];
        let login = browser.open(&app.authorization_url(&changes)).await;
        let consent = browser.sign_in(&login).await;
        assert!(consent.reply.text.contains("<code>orders:read</code>"), "{}", consent.reply.text);
    }

    async fn a_scope_has_words_once_and_ours_has_its_own(database) {
        let cli = Cli::installed(&database).await;
        let made = describe(&cli, "orders:read", "See your orders", "주문 보기").await;
        assert_eq!(made["texts"], json!({ "en": "See your orders", "ko": "주문 보기" }));
        for (name, en, word) in [
            ("orders:read", "x", "already"), ("openid", "x", "of ours"), ("groups", "x", "of ours"),
            ("a b", "x", "not one scope"), ("c", "", "1 to 200"), ("c", "a\nb", "control"),
        ] {
            let arguments = ["scope", "create", "--name", name, "--text-en", en, "--text-ko", "x"];
            let said = cli.run(&arguments, None).await;
            assert!(said.code == 1 && said.err.contains(word), "{name} {en:?} {said:?}");
        }
        assert_eq!(cli.run(&["scope", "create", "--name", "c", "--text-en", "x"], None).await.code, 2);
        let list = cli.json(&["scope", "list"], None).await;
        assert_eq!(list["scopes"].as_array().unwrap().len(), 1);
        cli.json(&["scope", "delete", "--name", "orders:read"], None).await;
        let said = cli.run(&["scope", "delete", "--name", "orders:read"], None).await;
        assert!(said.code == 1 && said.err.contains("no words"), "{said:?}");
    }
}
