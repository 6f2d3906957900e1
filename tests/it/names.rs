//! User names in different spellings of Unicode are one user name.

use mapae::admin::authority::May;
use mapae::admin::users::Target;
use mapae::admin::users::{self, NewUser};
use mapae::domain::grant_type::GrantType;
use mapae::domain::user::Profile;

use crate::support::{Binary, PASSWORD, Server, both};

async fn create(server: &Server, name: &str, email: Option<&str>) -> bool {
    let issuer = server.inner.services();
    let new = NewUser {
        username: name.to_owned(),
        email: email.map(str::to_owned),
        email_verified: email.is_some(),
        profile: Profile::default(),
        password: Some(PASSWORD.to_owned().into()),
    };
    users::create(&May::operator(), &issuer.store, server.now(), &issuer.hasher, new).await.is_ok()
}

both! {
    async fn a_user_name_is_no_verified_address_of_another_in_any_spelling(database) {
        let server = Server::start(&database).await;
        assert!(create(&server, "owner", Some("me@bücher.example")).await);
        for name in ["me@bücher.example", "ME@BÜCHER.example", "me@xn--bcher-kva.example", " ｍｅ@bücher.example "] {
            assert!(!create(&server, name, None).await, "{name:?}");
        }
        // The other way round; and the own address is a good name.
        assert!(create(&server, "you@example.com", Some("You@example.com")).await);
        assert!(create(&server, "first@example.com", None).await);
        for email in ["first@example.com", "ＦＩＲＳＴ@example.com", "first@EXAMPLE.com."] {
            assert!(!create(&server, "second", Some(email)).await, "{email:?}");
        }
        let issuer = server.inner.services();
        assert!(create(&server, "second", None).await);
        let email = users::NewEmail { address: "first@example.com".to_owned(), verified: true };
        let change = users::ClaimsChange { email: Some(email), ..Default::default() };
        let may = May::operator();
        let update = users::update(&may, &issuer.store, server.now(), None, Target::named("second"), change);
        assert!(update.await.unwrap_err().to_string().contains("another spelling"));
        // An address that nobody has any more is free.
        users::delete(&May::operator(), &issuer.store, server.now(), Target::named("owner")).await.unwrap();
        assert!(create(&server, "me@bücher.example", None).await);
    }

    async fn a_name_is_the_same_with_spaces_around_it_on_the_page_and_at_the_token_endpoint(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        assert!(create(&server, " bob ", Some(" bob@bücher.example ")).await);
        let app = server.web_app("app", |client| {
            client.metadata.first_party = true;
            client.metadata.grant_types.push(GrantType::Password);
        })
        .await;
        for name in ["alice ", " Alice", "alice\u{3000}", "ａｌｉｃｅ", "bob", "bob@xn--bcher-kva.example ", "ＢＯＢ＠bücher.example"] {
            app.password_as(name, PASSWORD, "openid").await.ok();
            let mut browser = server.browser();
            let page = browser.open(&app.authorization_url(&[])).await;
            browser.sign_in_as(&page, name, PASSWORD).await.authorization_response().code();
        }
        // Passwords keep every byte.
        let spaced = format!("{PASSWORD} ");
        app.password_as("alice", &spaced, "openid").await.refused(400, "invalid_grant");
        let shown = server.evidence().await;
        let trimmed = "SELECT count(*) AS n FROM account WHERE username = 'bob' AND email = 'bob@bücher.example'";
        assert_eq!(shown.count(trimmed).await, 1);
    }

    async fn doctor_tells_of_a_name_that_is_the_address_of_another(database) {
        let binary = Binary::start(&database).await;
        binary.user("owner", PASSWORD).await;
        binary.user("me@example.com", PASSWORD).await;
        let name = |report: &serde_json::Value| {
            let checks = report["checks"].as_array().unwrap().clone();
            checks.into_iter().find(|check| check["check"] == "user names").unwrap()
        };
        let report = binary.cli.json(&["doctor"], None).await;
        assert_eq!(name(&report)["level"], "ok", "{report}");
        let clash = "UPDATE account SET email = 'me@example.com', email_key = 'me@example.com', \
                     email_verified = TRUE WHERE username = 'owner'";
        binary.evidence().await.run(clash).await;
        let said = binary.cli.run(&["doctor", "--json"], None).await;
        let found = name(&serde_json::from_str(&said.out).unwrap());
        assert_eq!(found["level"], "error");
        assert!(found["detail"].as_str().unwrap().contains("owner"), "{found}");
    }
}
