//! The form of an app in the console: what it changes, what it refuses, and what it leaves alone.

use mapae::domain::client::AuthMethod;
use mapae::domain::grant_type::GrantType;
use serde_json::{Value, json};

use crate::console::owner;
use crate::support::{Browser, Page, Server, attribute, both};

both! {
    async fn an_app_gets_what_a_profile_asks_for_and_loses_it(database) {
        let server = Server::start(&database).await;
        server.web_app("app", |client| client.metadata.grant_types.push(GrantType::DeviceCode)).await;
        let mut browser = owner(&server).await;
        let path = "/admin/apps/app";
        let jwks = json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "kid": "a", "use": "sig", "alg": "EdDSA",
            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }] });
        let (as_text, dn) = (jwks.to_string(), "CN=client,O=Example\\, Inc.,C=KR");
        let untouched = registered(&server).await;
        // The form as it is shown changes nothing.
        let shown = browser.open(path).await;
        for group in ["app-lifetimes", "app-proof", "app-requests", "app-tokens", "app-profile"] {
            assert!(shown.has(group), "{group}: {}", shown.reply.text);
        }
        let saved = save(&mut browser, path, &[]).await;
        assert!(saved.reply.text.contains("Saved."), "{}", saved.reply.text);
        assert_eq!(registered(&server).await, untouched);
        for (fields, attributes) in [
            (&[("jwks", as_text.as_str()), ("request_object_signing_alg", "EdDSA"), ("require_signed_request_object", "yes"),
                ("require_pushed_authorization_requests", "yes"), ("device_max_age", "5m")][..],
                json!({ "jwks": jwks, "request_object_signing_alg": "EdDSA", "require_signed_request_object": true,
                    "require_pushed_authorization_requests": true, "device_max_age": 300 })),
            // The address of the keys takes the place of the keys.
            (&[("jwks_uri", "https://app.example/keys")], json!({ "jwks_uri": "https://app.example/keys", "jwks": null })),
            (&[("token_endpoint_auth_method", "tls_client_auth"), ("tls_client_auth_subject_dn", dn),
                ("tls_client_certificate_bound_access_tokens", "yes")],
                json!({ "token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_subject_dn": dn,
                    "tls_client_certificate_bound_access_tokens": true })),
            (&[("tls_client_auth_subject_dn", ""), ("tls_client_auth_san_dns", "client.example")],
                json!({ "tls_client_auth_subject_dn": null, "tls_client_auth_san_dns": "client.example" })),
            (&[("token_alg", "PS256"), ("id_token_signed_response_alg", "ES256"), ("userinfo_signed_response_alg", "EdDSA"),
                ("authorization_signed_response_alg", "PS256"), ("introspection_signed_response_alg", "ES256")],
                json!({ "token_alg": "PS256", "id_token_signed_response_alg": "ES256", "userinfo_signed_response_alg": "EdDSA",
                    "authorization_signed_response_alg": "PS256", "introspection_signed_response_alg": "ES256" })),
            (&[("claims", "groups\r\n\r\n tenant=acme \r\n{\"claim\": \"teams\", \"from\": \"groups\", \"only\": [\"team-*\"]}"), ("status_list", "each")],
                json!({ "claims": [{ "claim": "groups", "from": "groups" }, { "claim": "tenant", "value": "acme" },
                    { "claim": "teams", "from": "groups", "only": ["team-*"] }], "status_list": "each" })),
            (&[("dpop_bound_access_tokens", "yes"), ("subject_type", "pairwise")],
                json!({ "dpop_bound_access_tokens": true, "subject_type": "pairwise" })),
        ] {
            let saved = save(&mut browser, path, fields).await;
            assert!(saved.reply.text.contains("Saved."), "{fields:?}: {}", saved.reply.text);
            let now = registered(&server).await;
            for (name, value) in attributes.as_object().unwrap() {
                assert_eq!(&now[name], value, "{name}");
            }
        }
        let cleared = [("token_endpoint_auth_method", "client_secret"), ("jwks_uri", ""), ("tls_client_auth_san_dns", ""),
            ("request_object_signing_alg", ""), ("device_max_age", " "), ("token_alg", "RS256"), ("id_token_signed_response_alg", ""),
            ("userinfo_signed_response_alg", ""), ("authorization_signed_response_alg", ""), ("introspection_signed_response_alg", ""),
            ("subject_type", "public"), ("claims", "\n"), ("status_list", "false"), ("require_signed_request_object", UNTICKED), ("require_pushed_authorization_requests", UNTICKED),
            ("dpop_bound_access_tokens", UNTICKED), ("tls_client_certificate_bound_access_tokens", UNTICKED)];
        let saved = save(&mut browser, path, &cleared).await;
        assert!(saved.reply.text.contains("Saved."), "{}", saved.reply.text);
        assert_eq!(registered(&server).await, untouched);
    }

    async fn what_is_refused_of_an_app_is_said_at_its_field_and_stays_typed(database) {
        let server = Server::start(&database).await;
        server.web_app("app", |_| {}).await;
        let mut browser = owner(&server).await;
        let path = "/admin/apps/app";
        let untouched = registered(&server).await;
        for (fields, wrong, group, why) in [
            (&[("jwks_uri", "http://app.example/keys")][..], "jwks_uri", "app-proof", "http"),
            (&[("jwks", "{")], "jwks", "app-proof", "jwks is not JSON"),
            (&[("jwks", "{}"), ("client_name", "New")], "", "", "JWK Set"),
            (&[("token_endpoint_auth_method", "private_key_jwt")], "jwks", "app-proof", "private_key_jwt needs"),
            (&[("tls_client_auth_subject_dn", "CN=client")], "tls_client_auth_subject_dn", "app-proof", "go with tls_client_auth"),
            (&[("token_endpoint_auth_method", "tls_client_auth"), ("tls_client_auth_san_ip", "nowhere")],
                "tls_client_auth_san_ip", "app-proof", "is not an IP address"),
            (&[("require_signed_request_object", "yes")], "jwks", "app-proof", "request objects need"),
            (&[("token_alg", "none")], "token_alg", "app-tokens", "one of"),
            (&[("claims", "groups\n{\"claim\":")], "claims", "app-tokens", "claims, line 2: this claim rule cannot be read"),
            // The words name a claim, which is not the field of the same name.
            (&[("claims", "scope=x"), ("scope", "openid")], "claims", "app-tokens", "is a claim of the token itself"),
            (&[("sector_identifier_uri", "http://app.example/x")], "sector_identifier_uri", "app-profile", "http"),
            (&[("profile", "fapi2")], "jwks", "app-proof", "private_key_jwt needs"),
            (&[("session_lifetime", "59s")], "session_lifetime", "app-lifetimes", "session_lifetime is at least"),
            (&[("redirect_uris", "http://app.example/cb")], "redirect_uris", "", "http"),
        ] {
            let refused = save(&mut browser, path, fields).await;
            assert!(refused.reply.status == 422 && refused.reply.text.contains(why), "{fields:?}: {}", refused.reply.text);
            assert_eq!(refused.has(&format!("console-{wrong}-problem")), !wrong.is_empty(), "{fields:?}: {}", refused.reply.text);
            assert_eq!(refused.reply.text.matches(" aria-invalid=").count(), usize::from(!wrong.is_empty()), "{fields:?}");
            assert!(refused.has("console-problem"), "{}", refused.reply.text);
            let open: Vec<_> = refused.reply.text.split("<details id=\"").skip(1)
                .filter_map(|rest| rest.split_once('>')).filter(|(tag, _)| tag.ends_with(" open")).map(|(tag, _)| tag).collect();
            let group = if group.is_empty() { Vec::new() } else { vec![format!("{group}\" open")] };
            assert_eq!(open, group, "{fields:?}");
            if fields.contains(&("token_alg", "none")) {
                // No browser sends what is not among the choices.
                continue;
            }
            // What was typed is still there, and is sent again with what is corrected.
            assert_eq!(with(&typed(&refused), &[]), with(&typed(&browser.open(path).await), fields), "{fields:?}");
            assert_eq!(registered(&server).await, untouched);
        }
        // Whoever saw an older one is told so, and nothing is shown that would undo the change of somebody else.
        let page = browser.open(path).await;
        save(&mut browser, path, &[("client_name", "Newer")]).await;
        let mut fields = with(&typed(&page), &[("token_alg", "ES256")]);
        fields.push(("version".to_owned(), page.hidden("version")));
        let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let late = browser.send_account(&page, path, &fields).await;
        assert!(late.reply.status == 409 && !late.has("client-save"), "{}", late.reply.text);
    }

    async fn a_profile_sets_what_it_asks_for_in_the_console_as_well(database) {
        let server = Server::start(&database).await;
        let jwks = json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "kid": "a", "use": "sig", "alg": "EdDSA",
            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }] });
        server.web_app("app", |client| {
            client.metadata.token_endpoint_auth_method = AuthMethod::PrivateKeyJwt;
            client.metadata.jwks = Some(jwks);
        }).await;
        let mut browser = owner(&server).await;
        let path = "/admin/apps/app";
        let saved = save(&mut browser, path, &[("profile", "fapi2")]).await;
        assert!(saved.reply.text.contains("Saved."), "{}", saved.reply.text);
        let now = registered(&server).await;
        assert_eq!(now["profile"], "fapi2");
        assert_eq!((&now["dpop_bound_access_tokens"], &now["token_alg"], &now["refresh_policy"]),
            (&json!(true), &json!("ES256"), &json!("static")));
        // What contradicts it is said where it was changed.
        let refused = save(&mut browser, path, &[("dpop_bound_access_tokens", UNTICKED)]).await;
        assert!(refused.reply.status == 422 && refused.has("console-dpop_bound_access_tokens-problem"), "{}", refused.reply.text);
        // New credentials need a fresh proof, a new name does not.
        server.advance(16 * 60);
        let saved = save(&mut browser, path, &[("client_name", "Bank")]).await;
        assert!(saved.reply.text.contains("Saved."), "{}", saved.reply.text);
        let old = save(&mut browser, path, &[("profile", "")]).await;
        assert_eq!(old.reply.status, 403, "{}", old.reply.text);
        assert_eq!(registered(&server).await["profile"], "fapi2");
    }
}

/// A tick that is taken away.
const UNTICKED: &str = "\0";

/// The fields of the form of an app that a browser would send.
fn typed(page: &Page) -> Vec<(String, String)> {
    let html = &page.reply.text;
    let form =
        html.split("<form class=\"stack\"").nth(1).and_then(|rest| rest.split("</form>").next());
    let form = form.unwrap_or_else(|| panic!("{html}"));
    let mut fields = Vec::new();
    for element in form.split('<') {
        let Some((tag, text)) = element.split_once('>') else { continue };
        let Some(name) = attribute(tag, "name") else {
            // The chosen one of a list.
            if tag.starts_with("option")
                && tag.ends_with(" selected")
                && let Some((_, value)) = fields.last_mut()
            {
                *value = attribute(tag, "value").unwrap();
            }
            continue;
        };
        let value = match tag.split(' ').next().unwrap() {
            "select" => String::new(),
            "textarea" => text.strip_prefix('\n').unwrap_or(text).replace("&#34;", "\""),
            _ if tag.contains("type=\"checkbox\"") && !tag.contains(" checked") => continue,
            _ => attribute(tag, "value").unwrap(),
        };
        if !["session", "csrf", "version"].contains(&name.as_str()) {
            fields.push((name, value));
        }
    }
    fields
}

/// The same with these fields changed.
fn with(fields: &[(String, String)], changed: &[(&str, &str)]) -> Vec<(String, String)> {
    let is_changed = |name: &str| changed.iter().any(|(other, _)| *other == name);
    let kept = fields.iter().filter(|(name, _)| !is_changed(name)).cloned();
    let changed = changed.iter().filter(|(_, value)| *value != UNTICKED);
    let changed = changed.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let mut all: Vec<_> = kept.chain(changed).collect();
    all.sort();
    all
}

/// Saves an app as a browser does: with every field of the form, and these changed.
async fn save(browser: &mut Browser, path: &str, changed: &[(&str, &str)]) -> Page {
    let page = browser.open(path).await;
    let mut fields = with(&typed(&page), changed);
    fields.push(("version".to_owned(), page.hidden("version")));
    let fields: Vec<_> =
        fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let sent = browser.send_account(&page, path, &fields).await;
    browser.follow(sent).await
}

/// The metadata of the app in the database.
async fn registered(server: &Server) -> Value {
    let rows = server
        .evidence()
        .await
        .texts("SELECT CAST(metadata AS TEXT) AS text FROM client WHERE id = 'app'")
        .await;
    serde_json::from_str(&rows[0]).expect("JSON")
}
