//! `tests/conformance/configure.py`: the clients that it names exist, and their keys work.

use std::os::unix::fs::PermissionsExt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use mapae::domain::clock::Clock;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::support::{
    App, Binary, Browser, CHALLENGE, Database, Holder, Reply, VERIFIER, decode_claims,
    decode_header, form, http, required_or_skip,
};

const PASSWORD: &str = "correct horse battery staple";

async fn configure(server: &Binary, plans: &[&str]) -> Result<Vec<Value>, String> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/conformance/configure.py");
    let folder = server.cli.folder.path();
    let (password, out) = (folder.join("password.txt"), folder.join("plans"));
    std::fs::write(&password, PASSWORD).expect("written");
    let mut command = Command::new("python3");
    command.arg(script).args(["--issuer", &server.issuer(), "--username", "alice"]);
    command.arg("--mapae").arg(&server.cli.program).arg("--password-file").arg(&password);
    command.arg("--out").arg(&out).args(plans).current_dir(folder);
    command.envs(server.cli.environment.iter().map(|(name, value)| (name, value)));
    let ran = command.output().await.map_err(|error| format!("python3: {error}"))?;
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let listed = std::fs::read_to_string(out.join("plans.txt")).expect("the plans");
    assert_eq!(listed.lines().count(), plans.len());
    let read = |plan: &&str| {
        let text = std::fs::read_to_string(out.join(format!("{plan}.json"))).expect("a plan");
        serde_json::from_str(&text).expect("JSON")
    };
    Ok(plans.iter().map(read).collect())
}

/// A client with the private key that the configuration has.
struct Named {
    id: String,
    kid: String,
    key: EcdsaKeyPair,
}

impl Named {
    fn of(client: &Value) -> Self {
        let jwk = &client["jwks"]["keys"][0];
        let part = |name: &str| B64.decode(jwk[name].as_str().expect(name)).expect("base64url");
        let point = [vec![4], part("x"), part("y")].concat();
        let key = EcdsaKeyPair::from_private_key_and_public_key(
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            &part("d"),
            &point,
        );
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        Self { id: text(&client["client_id"]), kid: text(&jwk["kid"]), key: key.expect("a key") }
    }

    fn sign(&self, typ: &str, claims: &Value) -> String {
        let header = json!({ "alg": "ES256", "kid": self.kid, "typ": typ });
        let signed =
            format!("{}.{}", B64.encode(header.to_string()), B64.encode(claims.to_string()));
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).expect("signed");
        format!("{signed}.{}", B64.encode(signature))
    }

    async fn post(
        &self,
        server: &Binary,
        holder: &Holder,
        path: &str,
        fields: &[(&str, &str)],
    ) -> Reply {
        let now = Clock::system().now().timestamp();
        let assertion = self.sign(
            "JWT",
            &json!({
                "iss": self.id, "sub": self.id, "aud": server.issuer(), "iat": now, "exp": now + 60,
                "jti": uuid::Uuid::new_v4().to_string(),
            }),
        );
        let mut fields = fields.to_vec();
        fields.push((
            "client_assertion_type",
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        ));
        fields.push(("client_assertion", &assertion));
        let url = format!("{}{path}", server.issuer());
        let request = http().post(&url).header("DPoP", holder.prove("POST", &url, &json!({})));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        Reply::of(request.body(form(&fields)).send().await.expect("an answer")).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_configuration_names_clients_that_exist_and_keys_that_work() {
    let server = Binary::start(&Database::Sqlite).await;
    server.user("alice", PASSWORD).await;
    let plans = match configure(&server, &["sp-dpop", "ms", "dynamic"]).await {
        Ok(plans) => plans,
        Err(why) => return required_or_skip(&why),
    };
    let written = server.cli.folder.path().join("plans/ms.json");
    let everybody = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(&written, everybody).expect("another mode");
    // A second run changes what the first one made.
    let plans_again = configure(&server, &["sp-dpop", "ms", "dynamic"]).await.expect("again");
    let mode = std::fs::metadata(&written).expect("a plan").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    for (first, (again, signs)) in plans.iter().zip(plans_again.iter().zip([false, true])) {
        assert_eq!(first["client"]["client_id"], again["client"]["client_id"]);
        assert_ne!(first["client"]["jwks"], again["client"]["jwks"]);
        let discovery = again["server"]["discoveryUrl"].as_str().expect("an address");
        let metadata = Reply::of(http().get(discovery).send().await.expect("an answer")).await.ok();
        assert_eq!(metadata.text("issuer"), server.issuer());
        let alias = again["alias"].as_str().expect("an alias");
        for (name, query) in [("client", ""), ("client2", "?dummy1=lorem&dummy2=ipsum")] {
            let client = Named::of(&again[name]);
            let shown = server.cli(&["client", "show", "--id", &client.id], None).await;
            assert_eq!(
                (&shown["profile"], &shown["require_signed_request_object"]),
                (&json!("fapi2"), &json!(signs))
            );
            let uri = format!("https://localhost.emobix.co.uk:8443/test/a/{alias}/callback{query}");
            sign_in(&server, &client, &uri, again, signs).await;
        }
    }
    assert_eq!(plans[2]["client"]["client_name"], "mapae-dynamic");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_configuration_registers_the_certificates_that_it_wrote() {
    let server = Binary::start(&Database::Sqlite).await;
    let plans = match configure(&server, &["sp-mtls"]).await {
        Ok(plans) => plans,
        Err(why) => return required_or_skip(&why),
    };
    for (client, held) in [("client", "mtls"), ("client2", "mtls2")] {
        let id = plans[0][client]["client_id"].as_str().expect("an id");
        let shown = server.cli(&["client", "show", "--id", id], None).await;
        for (name, value) in [
            ("profile", json!("fapi2")),
            ("token_endpoint_auth_method", json!("self_signed_tls_client_auth")),
            ("tls_client_certificate_bound_access_tokens", json!(true)),
            ("dpop_bound_access_tokens", json!(false)),
        ] {
            assert_eq!(shown[name], value, "{name}");
        }
        let text = |name: &str| plans[0][held][name].as_str().expect(name).to_owned();
        let certificate = text("cert");
        let der: String = certificate.lines().filter(|line| !line.starts_with('-')).collect();
        assert_eq!(shown["jwks"]["keys"][0]["x5c"][0], der.as_str());
        assert!(text("key").contains("PRIVATE KEY"));
    }
}

/// The whole flow as the suite does it: pushed, bound, and signed both ways where the plan says so.
async fn sign_in(server: &Binary, client: &Named, uri: &str, plan: &Value, signs: bool) {
    let clock = Clock::system();
    let (holder, now) = (Holder::new(&clock), clock.now().timestamp());
    let scope = plan["client"]["scope"].as_str().expect("a scope");
    let mut claims = json!({
        "response_type": "code", "redirect_uri": uri, "scope": scope, "state": "s", "nonce": "n",
        "code_challenge": CHALLENGE, "code_challenge_method": "S256", "client_id": client.id,
    });
    let asked: Vec<(String, String)> = if signs {
        claims["response_mode"] = json!("jwt");
        claims["iss"] = json!(client.id);
        claims["aud"] = json!(server.issuer());
        (claims["nbf"], claims["exp"]) = (json!(now), json!(now + 300));
        vec![("request".to_owned(), client.sign("oauth-authz-req+jwt", &claims))]
    } else {
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        claims.as_object().expect("members").iter().map(|(k, v)| (k.clone(), text(v))).collect()
    };
    let asked: Vec<_> = asked.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let pushed = client.post(server, &holder, "/par", &asked).await;
    assert_eq!(pushed.status, 201, "{}", pushed.text);
    let app = App { id: client.id.clone(), secret: None, base: server.issuer(), http: http() };
    let mut browser = Browser::new(&server.issuer(), &app.http);
    let mut page = browser.open(&app.pushed_url(&pushed)).await;
    // The fields that the suite fills in are there.
    for id in ["username", "password", "login-submit", "login-cancel"] {
        assert!(page.has(id), "{id}");
    }
    page = browser.sign_in_as(&page, "alice", PASSWORD).await;
    if page.has("consent-allow") {
        page = browser.consent(&page, "allow").await;
    }
    let location = page.location().expect("back").to_owned();
    assert!(location.starts_with(uri), "{location}");
    let heard = page.authorization_response();
    let code = if signs {
        let response = heard.get("response").to_owned();
        assert_eq!(decode_header(&response)["alg"], "ES256");
        decode_claims(&response)["code"].as_str().expect("a code").to_owned()
    } else {
        heard.code()
    };
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", uri),
        ("code_verifier", VERIFIER),
    ];
    let tokens = client.post(server, &holder, "/token", &fields).await.ok();
    assert_eq!(tokens.text("token_type"), "DPoP");
    let resource = plan["resource"]["resourceUrl"].as_str().expect("an address");
    assert_eq!(resource, format!("{}/userinfo", server.issuer()));
    holder.userinfo(&app, &tokens.text("access_token")).await.ok();
}
