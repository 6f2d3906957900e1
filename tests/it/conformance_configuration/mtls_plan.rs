//! The plan of FAPI 2.0 for clients with certificates: a person signs in by each certificate and key that
//! the script wrote.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::suite_browser::SuiteBrowser;
use super::{DUMMY, FAPI, PASSWORD, callback, configure_with};
use crate::support::certificates::{Authority, Pair, https};
use crate::support::{
    App, Binary, Cli, Database, decode_claims, free_port, required_or_skip, write_secret,
};

/// A server with a listener that asks for certificates, and the URL of that.
async fn start(authority: &Authority) -> (Binary, String) {
    let mut cli = Cli::new(&Database::Sqlite).await;
    let own = authority.issue(&["localhost", "127.0.0.1"]);
    for (setting, name, text) in [
        ("MAPAE_MTLS_CERT_FILE", "cert.pem", &own.certificate),
        ("MAPAE_MTLS_KEY_FILE", "key.pem", &own.key),
    ] {
        let path = cli.folder.path().join(name);
        write_secret(&path, text);
        cli.set(setting, path.display().to_string());
    }
    let address = format!("127.0.0.1:{}", free_port());
    cli.set("MAPAE_MTLS_LISTEN", address.as_str());
    (cli.serve().await, format!("https://{address}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_configuration_registers_the_certificates_that_it_wrote_and_they_work() {
    let authority = Authority::new();
    let (server, url) = start(&authority).await;
    server.user("alice", PASSWORD).await;
    let plans = match configure_with(&server, &["--mtls-url", url.as_str()], &["sp-mtls"]).await {
        Ok(plans) => plans,
        Err(why) => return required_or_skip(&why),
    };
    let plan = &plans[0];
    assert_eq!(plan["resource"]["resourceUrl"], format!("{url}/userinfo"));
    for (member, held, query) in [("client", "mtls", ""), ("client2", "mtls2", DUMMY)] {
        let text = |of: &str, name: &str| plan[of][name].as_str().expect(name).to_owned();
        let pair = Pair { certificate: text(held, "cert"), key: text(held, "key") };
        let (id, scope) = (text(member, "client_id"), text(member, "scope"));
        let shown = server.cli(&["client", "show", "--id", &id], None).await;
        for (name, value) in [
            ("profile", json!("fapi2")),
            ("token_endpoint_auth_method", json!("self_signed_tls_client_auth")),
            ("tls_client_certificate_bound_access_tokens", json!(true)),
            ("dpop_bound_access_tokens", json!(false)),
        ] {
            assert_eq!(shown[name], value, "{name}");
        }
        assert_eq!(shown["jwks"]["keys"][0]["x5c"][0], STANDARD.encode(pair.der()));

        let app = App { id, secret: None, base: url.clone(), http: pair.http(&authority) };
        let nobody = App { http: https(&authority).build().expect("a client"), ..app.clone() };
        let uri = format!("{}{query}", callback(plan));
        let request = [("redirect_uri", uri.as_str()), ("scope", scope.as_str())];
        nobody.push(&request).await.refused(401, "invalid_client");
        let pushed = app.push(&request).await;
        assert_eq!(pushed.status, 201, "{}", pushed.text);
        // People are not asked for a certificate.
        let authorize = app.at(&server.issuer()).pushed_url(&pushed);
        let mut browser = SuiteBrowser::new(&server, plan, &format!("{FAPI}-happy-flow"));
        let page = browser.go(&authorize).await;
        let location = page.location().expect("back");
        assert!(location.starts_with(&uri), "{location}");
        let code = page.authorization_response().code();
        let redeemed = [("redirect_uri", uri.as_str())];
        nobody.exchange_with(&code, &redeemed).await.refused(401, "invalid_client");
        let tokens = app.exchange_with(&code, &redeemed).await.ok();
        let access = tokens.text("access_token");
        assert_eq!(decode_claims(&access)["cnf"]["x5t#S256"], pair.thumbprint());
        nobody.userinfo(&access).await.refused(401, "invalid_token");
        app.userinfo(&access).await.ok();
        app.refresh(&tokens.text("refresh_token")).await.ok();
    }
}
