//! Client certificates, RFC 8705: clients that authenticate by them, and tokens that are bound to them;
//! from handshakes, and from proxies (RFC 9440).

use std::net::SocketAddr;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use mapae::domain::client::{AuthMethod, Client, ClientKind};
use mapae::domain::scope::Scope;
use mapae_verify::{Presented, Refusal, Verifier};
use rcgen::string::Ia5String;
use rcgen::{
    CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
    PKCS_ECDSA_P384_SHA384, PKCS_ED25519, SanType, date_time_ymd,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::ResolvesClientCert;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, SignatureScheme};

use crate::support::certificates::{Authority, Pair, https};
use crate::support::{
    App, Binary, CertificateProxy, Cli, Database, Holder, Network, Reply, Server, both,
    decode_claims, eventually, form, free_port, plain_http, write_secret,
};

const OWN: &[(&str, &str)] = &[("grant_type", "client_credentials"), ("scope", "read")];
/// The subject of the certificates that tests make.
const SUBJECT: &str = "CN=client,O=Example\\, Inc.,C=KR";
/// The address of the proxy that is trusted. Everybody else comes from 127.0.0.1.
const PROXY: &str = "127.0.0.2";

/// The authority of the server and of clients, and their files.
struct Files {
    authority: Authority,
    folder: TempDir,
}

impl Files {
    fn new() -> Self {
        let files = Self { authority: Authority::new(), folder: tempfile::tempdir().unwrap() };
        let own = files.authority.issue(&["localhost", "127.0.0.1"]);
        write_secret(files.folder.path().join("cert.pem"), &own.certificate);
        write_secret(files.folder.path().join("key.pem"), &own.key);
        files.trust(files.authority.pem());
        files
    }

    /// Writes the authorities that are trusted.
    fn trust(&self, pem: &str) {
        std::fs::write(self.folder.path().join("ca.pem"), pem).unwrap();
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// The settings of a listener of mutual TLS, and of a proxy that is trusted beside it.
    fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            ("mtls.listen", "127.0.0.1:0".to_owned()),
            ("mtls.cert_file", self.path("cert.pem")),
            ("mtls.key_file", self.path("key.pem")),
            ("mtls.ca_file", self.path("ca.pem")),
            ("trusted_proxies", PROXY.to_owned()),
        ]
    }

    /// The settings of a server that takes certificates from a proxy, and asks nobody for one.
    fn settings_behind_proxies(&self) -> Vec<(&'static str, String)> {
        let mut settings = self.settings();
        settings.retain(|(key, _)| ["mtls.ca_file", "trusted_proxies"].contains(key));
        settings
    }

    async fn start(&self, database: &Database) -> Server {
        Self::start_with(database, &self.settings()).await
    }

    async fn start_behind_proxies(&self, database: &Database) -> Server {
        Self::start_with(database, &self.settings_behind_proxies()).await
    }

    async fn start_with(database: &Database, settings: &[(&'static str, String)]) -> Server {
        let settings: Vec<_> = settings.iter().map(|(key, it)| (*key, it.as_str())).collect();
        let server = Server::start_with(database, &settings).await;
        server.alice().await;
        server
    }

    /// An app that shows this certificate at the listener of mutual TLS.
    fn showing(&self, app: &App, server: &Server, pair: &Pair) -> App {
        App {
            http: pair.http(&self.authority),
            secret: app.secret.clone(),
            ..app.at(&alias(server))
        }
    }

    /// The same app without a certificate.
    fn showing_nothing(&self, app: &App, server: &Server) -> App {
        App { http: https(&self.authority).build().unwrap(), ..app.at(&alias(server)) }
    }
}

/// The URL of the listener of mutual TLS.
fn alias(server: &Server) -> String {
    format!("https://{}", server.inner.mtls_address().expect("a listener"))
}

/// The same app behind the trusted proxy, which sends these headers.
fn behind_proxy(app: &App, headers: &[(&str, &str)]) -> App {
    by_address(app, PROXY, headers)
}

/// A token request from this address with each of these headers, also with two of one name.
async fn token_with(app: &App, address: &str, headers: &[(&str, &str)]) -> Reply {
    let App { http, id, secret, base } = by_address(app, address, &[]);
    let mut fields = OWN.to_vec();
    let mut request = http.post(format!("{base}/token"));
    match &secret {
        Some(secret) => request = request.basic_auth(&id, Some(secret)),
        None => fields.push(("client_id", &id)),
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    Reply::of(request.body(form(&fields)).send().await.unwrap()).await
}

fn by_address(app: &App, address: &str, headers: &[(&str, &str)]) -> App {
    let mut sent = reqwest::header::HeaderMap::new();
    for (name, value) in headers {
        let name = reqwest::header::HeaderName::from_bytes(name.as_bytes()).unwrap();
        sent.append(name, value.parse().unwrap());
    }
    let http = plain_http().local_address(Some(address.parse().unwrap()));
    App { http: http.default_headers(sent).build().unwrap(), ..app.clone() }
}

/// Registers a client for certificates of the authority.
fn by_subject(client: &mut Client) {
    client.metadata.token_endpoint_auth_method = AuthMethod::TlsClientAuth;
    client.metadata.tls_client_auth_subject_dn = Some(SUBJECT.to_owned());
}

fn bound(client: &mut Client) {
    client.metadata.tls_client_certificate_bound_access_tokens = true;
}

fn usual(_: &mut CertificateParams) {}

fn san(kind: SanType) -> impl FnOnce(&mut CertificateParams) {
    move |params| params.subject_alt_names.push(kind)
}

fn ia5(text: &str) -> Ia5String {
    text.try_into().unwrap()
}

/// The key of a P-256 certificate as a JWK, with the certificate itself if that is wanted.
fn jwk(pair: &Pair, with_certificate: bool) -> Value {
    let key = rcgen::KeyPair::from_pem(&pair.key).unwrap();
    let point = rcgen::PublicKeyData::der_bytes(&key).to_vec();
    let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let half = (point.len() - 1) / 2;
    let curve = if half == 32 { "P-256" } else { "P-384" };
    let mut jwk = json!({
        "kty": "EC", "crv": curve, "x": part(&point[1..=half]), "y": part(&point[half + 1..]),
    });
    if with_certificate {
        jwk["x5c"] = json!([STANDARD.encode(pair.der())]);
    }
    jwk
}

fn self_signed(jwks: &[Value]) -> impl FnOnce(&mut Client) {
    let jwks = json!({ "keys": jwks });
    move |client| {
        client.metadata.token_endpoint_auth_method = AuthMethod::SelfSignedTlsClientAuth;
        client.metadata.jwks = Some(jwks);
    }
}

type Register = fn(&mut Client, String);

both! {
    async fn rfc8705_2_1_a_client_authenticates_by_a_certificate_of_the_authority(database) {
        let files = Files::new();
        let server = files.start(&database).await;
        let app = server.client("app", by_subject).await;
        assert_eq!(app.secret, None);
        let pair = files.authority.client(usual);
        let issued = files.showing(&app, &server, &pair).token(OWN).await.ok();
        // Nothing is bound that was not registered for it.
        assert_eq!(issued.json()["token_type"], "Bearer");
        let token = issued.text("access_token");
        assert!(decode_claims(&token).get("cnf").is_none());
        // Every endpoint at which a client authenticates takes the certificate.
        let app = files.showing(&app, &server, &pair);
        assert!(app.is_active(&token).await);
        assert_eq!(app.revoke(&token).await.status, 200);
        assert!(!app.is_active(&token).await);
        // What is not named an alias is not there.
        for path in ["/authorize", "/.well-known/openid-configuration", "/admin/api/clients", "/"] {
            let found = app.http.get(format!("{}{path}", app.base)).send().await.unwrap();
            assert_eq!(found.status(), 404, "{path}");
        }
    }

    async fn rfc8705_2_1_2_each_kind_of_name_is_compared_as_its_kind_is(database) {
        let files = Files::new();
        let server = files.start(&database).await;
        let kinds: [(&str, Register, &str, SanType); 5] = [
            (
                "dns",
                |client, name| client.metadata.tls_client_auth_san_dns = Some(name),
                "Client.Example.com",
                SanType::DnsName(ia5("client.example.COM")),
            ),
            (
                "uri",
                |client, name| client.metadata.tls_client_auth_san_uri = Some(name),
                "spiffe://example.org/payments",
                SanType::URI(ia5("spiffe://example.org/payments")),
            ),
            (
                "email",
                |client, name| client.metadata.tls_client_auth_san_email = Some(name),
                "Client@example.com",
                SanType::Rfc822Name(ia5("Client@EXAMPLE.com")),
            ),
            (
                "ipv4",
                |client, name| client.metadata.tls_client_auth_san_ip = Some(name),
                "192.0.2.7",
                SanType::IpAddress("192.0.2.7".parse().unwrap()),
            ),
            (
                "ipv6",
                |client, name| client.metadata.tls_client_auth_san_ip = Some(name),
                "2001:db8:0::7",
                SanType::IpAddress("2001:db8::7".parse().unwrap()),
            ),
        ];
        let mut apps = Vec::new();
        for (id, register, name, kind) in kinds {
            let app = server
                .client(id, |client| {
                    client.metadata.token_endpoint_auth_method = AuthMethod::TlsClientAuth;
                    register(client, name.to_owned());
                })
                .await;
            apps.push((app, files.authority.client(san(kind))));
        }
        for (at, (app, _)) in apps.iter().enumerate() {
            for (of, (_, pair)) in apps.iter().enumerate() {
                let reply = files.showing(app, &server, pair).token(OWN).await;
                if at == of {
                    reply.ok();
                } else {
                    reply.refused(401, "invalid_client");
                }
            }
        }
    }

    async fn rfc8705_2_1_2_exactly_one_name_is_registered(database) {
        let cli = Cli::installed(&database).await;
        let create = ["client", "create", "--id", "app", "--name", "App", "--kind", "confidential",
            "--grant", "client_credentials", "--auth-method"];
        let tls = "tls_client_auth";
        let dn = "--tls-client-auth-subject-dn";
        let dns = "--tls-client-auth-san-dns";
        for (arguments, word) in [
            (vec![tls], "exactly one of"),
            (vec![tls, dn, SUBJECT, dns, "a.example"], "exactly one of"),
            (vec![tls, dn, "client"], "is not a name like"),
            (vec![tls, "--tls-client-auth-san-ip", "a.example"], "is not an IP address"),
            (vec!["private_key_jwt", dns, "a.example"], "private_key_jwt needs"),
            (vec!["client_secret_basic", dns, "a.example"], "go with tls_client_auth"),
            (vec!["self_signed_tls_client_auth"], "needs the client's JWK Set"),
        ] {
            let all: Vec<_> = create.iter().copied().chain(arguments.iter().copied()).collect();
            let said = cli.run(&all, None).await;
            assert!(said.code == 2 && said.err.contains(word), "{arguments:?} {said:?}");
        }
        let all: Vec<_> = create.iter().copied().chain([tls, dn, SUBJECT,
            "--tls-client-certificate-bound-access-tokens"]).collect();
        cli.json(&all, None).await;
        let shown = cli.json(&["client", "show", "--id", "app"], None).await;
        assert_eq!(shown["token_endpoint_auth_method"], tls);
        assert_eq!(shown["tls_client_auth_subject_dn"], SUBJECT);
        assert_eq!(shown["tls_client_certificate_bound_access_tokens"], true);
        let update = ["client", "update", "--id", "app", dn, "", dns, "a.example"];
        let changed = cli.json(&update, None).await;
        assert_eq!((&changed["tls_client_auth_subject_dn"], &changed["tls_client_auth_san_dns"]),
            (&Value::Null, &json!("a.example")));
    }

    async fn rfc8705_2_2_a_client_authenticates_by_the_certificate_that_is_registered(database) {
        let files = Files::new();
        let server = files.start(&database).await;
        let proxied = files.start_behind_proxies(&database).await;
        let own = Pair::self_signed(&PKCS_ECDSA_P256_SHA256, usual);
        let other = Pair::self_signed(&PKCS_ECDSA_P384_SHA384, usual);
        // Another certificate of the same key.
        let key = rcgen::KeyPair::from_pem(&own.key).unwrap();
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.distinguished_name.push(DnType::CommonName, "renewed");
        let renewed =
            Pair { certificate: params.self_signed(&key).unwrap().pem(), key: own.key.clone() };
        let registered = async |id: &str, jwks: &[Value]| {
            let there = server.client(id, self_signed(jwks)).await;
            (there, proxied.client(id, self_signed(jwks)).await)
        };
        let by_certificate = registered("x5c", &[jwk(&own, true)]).await;
        let mut bare = jwk(&own, true);
        bare.as_object_mut().unwrap().retain(|name, _| ["kty", "x5c"].contains(&name.as_str()));
        let bare = registered("bare", &[bare]).await;
        let by_key = registered("key", &[jwk(&other, false), jwk(&own, false)]).await;
        for ((there, behind), pair, is_good) in [
            (&by_certificate, &own, true),
            (&bare, &own, true),
            (&bare, &renewed, false),
            (&by_certificate, &renewed, false),
            (&by_certificate, &other, false),
            (&by_key, &own, true),
            (&by_key, &renewed, true),
            (&by_key, &other, true),
            (&by_key, &Pair::self_signed(&PKCS_ED25519, usual), false),
            (&by_key, &files.authority.client(usual), false),
        ] {
            let replies = [
                files.showing(there, &server, pair).token(OWN).await,
                behind_proxy(behind, &[("client-cert", &pair.header())]).token(OWN).await,
            ];
            for reply in replies {
                if is_good {
                    reply.ok();
                } else {
                    reply.refused(401, "invalid_client");
                }
            }
        }
    }

    async fn rfc7517_4_7_an_x5c_is_of_the_key_beside_it(database) {
        let server = Server::start(&database).await;
        let issuer = server.inner.services();
        let (own, other) = (
            Pair::self_signed(&PKCS_ECDSA_P256_SHA256, usual),
            Pair::self_signed(&PKCS_ECDSA_P256_SHA256, usual),
        );
        let mut mixed = jwk(&own, true);
        mixed["x5c"] = jwk(&other, true)["x5c"].clone();
        let mut private = jwk(&own, false);
        private["d"] = json!("AA");
        let wrong = [mixed, private, json!({ "kty": "oct" }), json!({ "kty": "EC", "x5c": ["!"] })];
        for jwk in wrong {
            let id = mapae::domain::client::ClientId::parse("app").unwrap();
            let mut client = Client::new(id, ClientKind::Confidential, server.now().now());
            self_signed(std::slice::from_ref(&jwk))(&mut client);
            assert!(mapae::clients::registration::check(&issuer.url, &client).is_err(), "{jwk}");
        }
    }

    async fn rfc8705_3_access_tokens_are_bound_to_the_certificate(database) {
        let files = Files::new();
        let server = files.start(&database).await;
        let app = server.client("app", bound).await;
        let (pair, thief) = (files.authority.client(usual), files.authority.client(usual));
        let with = |pair: &Pair| files.showing(&app, &server, pair);
        let without = files.showing_nothing(&app, &server);
        let cnf = json!({ "x5t#S256": pair.thumbprint() });

        let own = with(&pair).token(OWN).await.ok();
        assert_eq!(own.json()["token_type"], "Bearer");
        assert_eq!(decode_claims(&own.text("access_token"))["cnf"], cnf);
        let (access, refresh) = with(&pair).password("openid read").await.pair();
        assert_eq!(decode_claims(&access)["cnf"], cnf);
        // §3.2: introspection tells it, and needs no certificate for that.
        let shown = app.introspect(&access).await;
        assert_eq!((&shown["cnf"], &shown["token_type"]), (&cnf, &json!("Bearer")), "{shown}");

        // §3: userinfo takes the token with the certificate alone.
        with(&pair).userinfo(&access).await.ok();
        let header = pair.header();
        for reply in [
            behind_proxy(&app, &[("client-cert", &header)]).userinfo(&access).await,
            with(&thief).userinfo(&access).await,
            without.userinfo(&access).await,
            app.userinfo(&access).await,
            by_address(&app, "127.0.0.1", &[("client-cert", &header)]).userinfo(&access).await,
        ] {
            reply.refused(401, "invalid_token");
        }
        // §7.1: the refresh token of a confidential client is bound to the client.
        let (access, refresh) = with(&thief).refresh(&refresh).await.pair();
        assert_eq!(decode_claims(&access)["cnf"]["x5t#S256"], thief.thumbprint());
        // Nobody gets a token that is good without a certificate, and nothing was spent.
        for app in [&app, &without] {
            app.token(OWN).await.refused(400, "invalid_request");
            app.refresh(&refresh).await.refused(400, "invalid_request");
            app.password("openid").await.refused(400, "invalid_request");
        }
        with(&pair).refresh(&refresh).await.ok();
    }

    async fn rfc8705_3_endpoints_for_bearer_tokens_take_a_bound_one_with_its_certificate(database) {
        let files = Files::new();
        let server = files.start_behind_proxies(&database).await;
        let app = server
            .client("app", |client| {
                bound(client);
                client.metadata.scope = Scope::parse("revocations:read").unwrap();
            })
            .await;
        let (pair, thief) = (files.authority.client(usual), files.authority.client(usual));
        let fields = [("grant_type", "client_credentials"), ("scope", "revocations:read")];
        let (own, other) = (pair.header(), thief.header());
        let issued = behind_proxy(&app, &[("client-cert", &own)]).token(&fields).await.ok();
        let token = issued.text("access_token");
        for (address, header, status) in [
            (PROXY, Some(&own), 200),
            (PROXY, Some(&other), 401),
            (PROXY, None, 401),
            ("127.0.0.1", Some(&own), 401),
        ] {
            let headers: Vec<_> =
                header.map(|header| ("client-cert", header.as_str())).into_iter().collect();
            let app = by_address(&app, address, &headers);
            let asked = app.http.get(server.url("/revocations")).bearer_auth(&token).send().await;
            assert_eq!(asked.unwrap().status().as_u16(), status, "{address} {header:?}");
        }
    }

    async fn rfc8705_4_the_refresh_token_of_a_public_client_needs_its_certificate(database) {
        let files = Files::new();
        let server = files.start(&database).await;
        let public = server.public_client("native").await;
        let own = Pair::self_signed(&PKCS_ECDSA_P256_SHA256, usual);
        let thief = Pair::self_signed(&PKCS_ECDSA_P256_SHA256, usual);
        // A family that began without is bound by the first certificate.
        let (_, before) = public.password("openid").await.pair();
        server.change("native", bound).await;
        let with = |pair: &Pair| files.showing(&public, &server, pair);
        let (access, second) = with(&own).refresh(&before).await.pair();
        assert_eq!(decode_claims(&access)["cnf"]["x5t#S256"], own.thumbprint());
        with(&thief).refresh(&second).await.refused(400, "invalid_grant");
        public.refresh(&second).await.refused(400, "invalid_request");

        let (_, first) = with(&own).password("openid").await.pair();
        with(&thief).refresh(&first).await.refused(400, "invalid_grant");
        let (_, second) = with(&own).refresh(&first).await.pair();
        let (_, third) = with(&own).refresh(&second).await.pair();
        // Whoever lacks the certificate ends no family by an old token.
        server.advance(60);
        with(&thief).refresh(&first).await.refused(400, "invalid_grant");
        public.refresh(&first).await.refused(400, "invalid_request");
        // What was bound stays bound, also where the client is not registered for it any more.
        let not = |client: &mut Client| {
            client.metadata.tls_client_certificate_bound_access_tokens = false;
        };
        server.change("native", not).await;
        public.refresh(&third).await.refused(400, "invalid_request");
        with(&thief).refresh(&third).await.refused(400, "invalid_grant");
        let (access, _) = with(&own).refresh(&third).await.pair();
        assert_eq!(decode_claims(&access)["cnf"]["x5t#S256"], own.thumbprint());
    }

    async fn rfc9449_a_proof_at_an_alias_names_the_alias_and_both_bind(database) {
        let files = Files::new();
        let server = files.start(&database).await;
        let app = server.client("app", |client| {
            by_subject(client);
            bound(client);
        })
        .await;
        let pair = files.authority.client(usual);
        let (app, holder) = (files.showing(&app, &server, &pair), Holder::new(server.now()));
        let (access, _) = holder.password(&app, "openid").await.pair();
        let cnf = json!({ "jkt": holder.jkt(), "x5t#S256": pair.thumbprint() });
        assert_eq!(decode_claims(&access)["cnf"], cnf);
        assert_eq!(app.introspect(&access).await["token_type"], "DPoP");
        holder.userinfo(&app, &access).await.ok();
        // Both have to be proven.
        app.userinfo(&access).await.refused(401, "invalid_token");
        let main = app.at(server.issuer());
        let main = App { http: server.http.clone(), ..main };
        holder.userinfo(&main, &access).await.refused(401, "invalid_token");
    }

    async fn rfc9440_2_2_certificates_come_from_trusted_proxies_alone(database) {
        let files = Files::new();
        let server = files.start_behind_proxies(&database).await;
        let app = server.client("app", by_subject).await;
        let pair = files.authority.client(usual);
        let header = pair.header();
        behind_proxy(&app, &[("client-cert", &header)]).token(OWN).await.ok();
        by_address(&app, "127.0.0.1", &[("client-cert", &header)])
            .token(OWN)
            .await
            .refused(401, "invalid_client");

        // §2.3: an intermediate certificate comes in a header of its own.
        let below = files.authority.below();
        let pair = below.client(usual);
        let (header, above) = (pair.header(), Pair { certificate: below.pem().to_owned(),
            key: String::new() }.header());
        let chain = ("client-cert-chain", above.as_str());
        behind_proxy(&app, &[("client-cert", &header), chain]).token(OWN).await.ok();
        behind_proxy(&app, &[("client-cert", &header)]).token(OWN).await.refused(401, "invalid_client");

        // What cannot be read is refused, whether somebody would look at it or not.
        let secret = server.client("secret", |_| {}).await;
        let long = format!(":{}:", STANDARD.encode(vec![0x30; 9000]));
        let garbage = format!(":{}:", STANDARD.encode("no certificate"));
        let many = [pair.header().as_str(); 4].join(",");
        let (own, cut) = (pair.header(), format!("{}:", &header[..header.len() - 5]));
        for headers in [
            vec![("client-cert", own.as_str()), ("client-cert", own.as_str())],
            vec![("client-cert", "")],
            vec![("client-cert", "::")],
            vec![("client-cert", "MIIB")],
            vec![("client-cert", "-----BEGIN CERTIFICATE-----")],
            vec![("client-cert", cut.as_str())],
            vec![("client-cert", garbage.as_str())],
            vec![("client-cert", long.as_str())],
            vec![("client-cert", own.as_str()), ("client-cert-chain", "x")],
            vec![("client-cert", own.as_str()), ("client-cert-chain", many.as_str())],
        ] {
            for app in [&app, &secret] {
                token_with(app, PROXY, &headers).await.refused(400, "invalid_request");
            }
            token_with(&secret, "127.0.0.1", &headers).await.ok();
        }
        behind_proxy(&secret, &[("client-cert-chain", "x")]).token(OWN).await.ok();
    }

    async fn rfc9440_4_beside_a_listener_of_mutual_tls_the_header_says_nothing(database) {
        let files = Files::new();
        let server = files.start(&database).await;
        let app = server.client("app", by_subject).await;
        let pair = files.authority.client(usual);
        let header = pair.header();
        files.showing(&app, &server, &pair).token(OWN).await.ok();
        // Not even a trusted proxy says who somebody is: many hand on what a stranger sent.
        behind_proxy(&app, &[("client-cert", &header)])
            .token(OWN)
            .await
            .refused(401, "invalid_client");
        let there = files.showing_nothing(&app, &server);
        let said = there.http.post(format!("{}/token", there.base)).header("client-cert", &header);
        let body = form(&[OWN, &[("client_id", "app")]].concat());
        let said = said.header("content-type", "application/x-www-form-urlencoded").body(body);
        Reply::of(said.send().await.unwrap()).await.refused(401, "invalid_client");
        // It is not even read.
        let secret = server.client("secret", |_| {}).await;
        behind_proxy(&secret, &[("client-cert", "x")]).token(OWN).await.ok();
    }

    async fn rfc9440_4_without_authorities_or_proxies_the_header_says_nothing(database) {
        let files = Files::new();
        let ca = files.path("ca.pem");
        for settings in [
            vec![("trusted_proxies", PROXY)],
            vec![("mtls.ca_file", ca.as_str())],
        ] {
            let server = Server::start_with(&database, &settings).await;
            let own = Pair::self_signed(&PKCS_ECDSA_P256_SHA256, usual);
            let app = server.client("app", self_signed(&[jwk(&own, true)])).await;
            let reply = behind_proxy(&app, &[("client-cert", &own.header())]).token(OWN).await;
            reply.refused(401, "invalid_client");
            let metadata = app.metadata().await;
            for absent in ["tls_client_certificate_bound_access_tokens", "mtls_endpoint_aliases"] {
                assert!(metadata.get(absent).is_none(), "{metadata}");
            }
            let methods = metadata["token_endpoint_auth_methods_supported"].to_string();
            assert!(!methods.contains("tls_client_auth"), "{methods}");
        }
    }

    async fn rfc8705_5_the_metadata_names_the_aliases_and_the_methods(database) {
        let files = Files::new();
        let server = files.start(&database).await;
        let app = server.client("app", by_subject).await;
        let metadata = app.metadata().await;
        let at = alias(&server);
        assert_eq!(metadata["tls_client_certificate_bound_access_tokens"], true);
        let aliases = metadata["mtls_endpoint_aliases"].as_object().unwrap();
        assert_eq!(aliases.len(), 6);
        for (name, url) in aliases {
            let main = metadata[name].as_str().unwrap_or_else(|| panic!("{name}"));
            assert_eq!(*url, json!(main.replace(server.issuer(), &at)));
        }
        for of in ["token", "revocation", "introspection"] {
            let methods = &metadata[format!("{of}_endpoint_auth_methods_supported")];
            for method in ["tls_client_auth", "self_signed_tls_client_auth"] {
                assert!(methods.as_array().unwrap().contains(&json!(method)), "{of} {methods}");
            }
        }
        // Without authorities nobody authenticates by one; the rest is there.
        let mut settings = files.settings();
        settings.retain(|(key, _)| *key != "mtls.ca_file");
        settings.push(("mtls.url", "https://mtls.example.com".to_owned()));
        let settings: Vec<_> = settings.iter().map(|(key, it)| (*key, it.as_str())).collect();
        let server = Server::start_with(&database, &settings).await;
        let app = server.client("app", by_subject).await;
        let metadata = app.metadata().await;
        let methods = metadata["token_endpoint_auth_methods_supported"].as_array().unwrap();
        assert!(methods.contains(&json!("self_signed_tls_client_auth")));
        assert!(!methods.contains(&json!("tls_client_auth")), "{methods:?}");
        let token = &metadata["mtls_endpoint_aliases"]["token_endpoint"];
        assert_eq!(*token, "https://mtls.example.com/token");
        let pair = files.authority.client(usual);
        files.showing(&app, &server, &pair).token(OWN).await.refused(401, "invalid_client");
    }

    async fn the_authorities_are_read_again_and_a_bad_file_changes_nothing(database) {
        let files = Files::new();
        let server = files.start_behind_proxies(&database).await;
        let app = server.client("app", by_subject).await;
        let newer = Authority::new();
        let (old, new) = (files.authority.client(usual), newer.client(usual));
        let is_taken = async |pair: &Pair| {
            let reply = behind_proxy(&app, &[("client-cert", &pair.header())]).token(OWN).await;
            reply.status == 200
        };
        assert!(is_taken(&old).await && !is_taken(&new).await);
        files.trust("nothing");
        files.trust(&format!("{}{}", files.authority.pem(), newer.pem()));
        eventually("both are trusted", async || is_taken(&new).await).await;
        assert!(is_taken(&old).await);
        files.trust(newer.pem());
        eventually("one is trusted", async || !is_taken(&old).await).await;
        assert!(is_taken(&new).await);
        let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for broken in ["", "nothing", garbage, old.certificate.as_str()] {
            files.trust(broken);
            for _ in 0..3 {
                assert!(is_taken(&new).await && !is_taken(&old).await);
            }
        }
    }

    async fn rfc8705_3_the_verifier_of_resource_servers_asks_for_the_certificate(database) {
        let files = Files::new();
        let server = files.start(&database).await;
        let app = server
            .client("app", |client| {
                bound(client);
                client.metadata.audiences = vec!["https://api.example.com".to_owned()];
            })
            .await;
        let pair = files.authority.client(usual);
        let issued = files.showing(&app, &server, &pair).token(OWN).await.ok();
        let token = issued.text("access_token");
        let verifier = Verifier::builder(server.issuer(), "https://api.example.com")
            .fetch(Network(server.http.clone()))
            .build()
            .expect("a verifier");
        let own = pair.der();
        let other = files.authority.client(usual).der();
        let at = Presented::bearer(&token);
        assert!(verifier.verify(at.with_certificate(Some(&own))).await.is_ok());
        for shown in [None, Some(other.as_slice())] {
            let refused = verifier.verify(at.with_certificate(shown)).await.unwrap_err();
            assert_eq!(refused, Refusal::ProofMissing);
        }
    }

    /// Each line has exactly one fault, and exactly one reason, in a handshake and behind a proxy.
    #[expect(clippy::too_many_lines, reason = "one list of faults")]
    async fn rfc8705_2_each_fault_of_a_certificate_has_its_reason(database) {
        for is_proxied in [false, true] {
            let files = Files::new();
            let mut cli = Cli::prepared(&database).await;
            let settings = if is_proxied { files.settings_behind_proxies() } else { files.settings() };
            for (key, value) in settings {
                cli.set(&format!("MAPAE_{}", key.replace('.', "_").to_uppercase()), value);
            }
            let address: SocketAddr = format!("127.0.0.1:{}", free_port()).parse().unwrap();
            if !is_proxied {
                cli.set("MAPAE_MTLS_LISTEN", address.to_string());
            }
            let server = cli.serve().await;
            let is_said = server.whole_log().await.contains("the header Client-Cert is believed");
            assert_eq!(is_said, is_proxied);
            let named = |flag: &'static str, value: &'static str| {
                ["--kind", "confidential", "--grant", "client_credentials", "--scope", "read",
                    "--auth-method", "tls_client_auth", flag, value]
            };
            let app = server.client("app", &named("--tls-client-auth-subject-dn", SUBJECT)).await;
            let host = server.client("host", &named("--tls-client-auth-san-dns", "client.example")).await;
            let own = Pair::self_signed(&PKCS_ECDSA_P256_SHA256, usual);
            let jwks = files.path("jwks.json");
            let expired = Pair::self_signed(&PKCS_ECDSA_P256_SHA256, |params| {
                params.not_after = date_time_ymd(2020, 1, 1);
            });
            let early = Pair::self_signed(&PKCS_ECDSA_P256_SHA256, |params| {
                params.not_before = date_time_ymd(4000, 1, 1);
            });
            let keys = json!({ "keys": [jwk(&own, true), jwk(&expired, true), jwk(&early, true)] });
            std::fs::write(&jwks, keys.to_string()).unwrap();
            let alone = server.client("alone", &["--kind", "confidential", "--grant", "client_credentials",
                "--scope", "read", "--auth-method", "self_signed_tls_client_auth", "--jwks", &jwks]).await;
            let ca = &files.authority;
            let (below, foreign) = (ca.below(), Authority::new());
            let second = below.below();
            let third = second.below();
            let deep =
                third.client(usual).with_chain(&third).with_chain(&second).with_chain(&below);
            let idle = ca.below_with(|params| params.key_usages = vec![KeyUsagePurpose::CrlSign]);
            let key_usage = |usage: KeyUsagePurpose| ca.client(|params| params.key_usages = vec![usage]);
            let subject = |change: fn(&mut rcgen::DistinguishedName)| {
                ca.client(|params| change(&mut params.distinguished_name))
            };
            let usage = |usage: ExtendedKeyUsagePurpose| {
                ca.client(|params| params.extended_key_usages = vec![usage])
            };
            let good = ca.client(usual);
            let lines: Vec<(&str, &App, Option<Pair>, Option<&str>)> = vec![
                ("good", &app, Some(good), None),
                ("an intermediate is there", &app, Some(below.client(usual).with_chain(&below)), None),
                ("three intermediates are there", &app, Some(deep), None),
                ("its key may sign", &app, Some(key_usage(KeyUsagePurpose::DigitalSignature)), None),
                ("for clients", &app, Some(usage(ExtendedKeyUsagePurpose::ClientAuth)), None),
                ("registered itself", &alone, Some(own), None),
                ("no certificate", &app, None, Some("certificate_missing")),
                ("no certificate where it is registered", &alone, None, Some("certificate_missing")),
                ("expired", &app, Some(ca.client(|params| params.not_after = date_time_ymd(2020, 1, 1))),
                    Some("certificate_expired")),
                ("not yet valid", &app,
                    Some(ca.client(|params| params.not_before = date_time_ymd(4000, 1, 1))),
                    Some("certificate_not_yet_valid")),
                ("another authority", &app, Some(foreign.client(usual)), Some("certificate_untrusted")),
                ("self-signed", &app, Some(Pair::self_signed(&PKCS_ECDSA_P256_SHA256, usual)),
                    Some("certificate_untrusted")),
                ("no intermediate", &app, Some(below.client(usual)), Some("certificate_untrusted")),
                ("for servers", &app, Some(usage(ExtendedKeyUsagePurpose::ServerAuth)),
                    Some("certificate_purpose_mismatch")),
                ("its key may not sign", &app, Some(key_usage(KeyUsagePurpose::KeyEncipherment)),
                    Some("certificate_purpose_mismatch")),
                ("an intermediate may not sign", &app, Some(idle.client(usual).with_chain(&idle)),
                    Some("certificate_untrusted")),
                ("another subject", &app, Some(subject(|name| name.push(DnType::CommonName, "Client"))),
                    Some("certificate_subject_mismatch")),
                ("more in the subject", &app,
                    Some(subject(|name| name.push(DnType::OrganizationalUnitName, "client"))),
                    Some("certificate_subject_mismatch")),
                ("another host", &host,
                    Some(ca.client(san(SanType::DnsName(ia5("client.example.com"))))),
                    Some("certificate_name_mismatch")),
                ("a wildcard", &host, Some(ca.client(san(SanType::DnsName(ia5("*.example"))))),
                    Some("certificate_name_mismatch")),
                ("the host as common name alone", &host,
                    Some(subject(|name| name.push(DnType::CommonName, "client.example"))),
                    Some("certificate_name_mismatch")),
                ("not registered", &alone, Some(Pair::self_signed(&PKCS_ECDSA_P256_SHA256, usual)),
                    Some("certificate_unregistered")),
                ("of the authority, not registered", &alone, Some(ca.client(usual)),
                    Some("certificate_unregistered")),
                ("registered, expired", &alone, Some(expired), Some("certificate_expired")),
                ("registered, not yet valid", &alone, Some(early), Some("certificate_not_yet_valid")),
            ];
            let mut seen = 0;
            for (line, app, pair, reason) in &lines {
                let base = format!("https://{address}");
                let http = match pair {
                    Some(pair) => pair.http(ca),
                    None => https(ca).build().unwrap(),
                };
                let there = App { http, ..app.at(&base) };
                let mut headers = Vec::new();
                let (own, above) = pair.as_ref().map(headers_of).unwrap_or_default();
                if pair.is_some() {
                    headers.extend([("client-cert", own.as_str()), ("client-cert-chain", above.as_str())]);
                }
                let app = if is_proxied { behind_proxy(app, &headers) } else { there };
                let reply = app.token(OWN).await;
                let Some(reason) = reason else {
                    assert_eq!(reply.status, 200, "{line}: {}", reply.text);
                    continue;
                };
                reply.refused(401, "invalid_client");
                let refusals = refusals(&server).await;
                assert_eq!(refusals.len(), seen + 1, "{line}");
                seen += 1;
                assert_eq!(refusals[seen - 1]["reason"], *reason, "{line}: {refusals:?}");
            }
        }
    }
}

/// The headers of a proxy for this chain.
fn headers_of(pair: &Pair) -> (String, String) {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(pair.certificate.as_bytes())
        .map(|one| format!(":{}:", STANDARD.encode(one.unwrap())))
        .collect();
    (chain[0].clone(), chain[1..].join(", "))
}

async fn refusals(server: &Binary) -> Vec<Value> {
    let log = server.whole_log().await;
    let lines = log.lines().map(|line| serde_json::from_str(line).expect("JSON"));
    lines.filter(|line: &Value| line["message"] == "refused a request").collect()
}

/// Shows a certificate, and signs by a key that is not its own.
#[derive(Debug)]
struct Stolen(Arc<CertifiedKey>);

impl ResolvesClientCert for Stolen {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rfc8446_4_4_3_whoever_shows_a_certificate_proves_its_key() {
    let files = Files::new();
    let server = files.start(&Database::Sqlite).await;
    let address = server.inner.mtls_address().unwrap();
    let (pair, other) = (files.authority.client(usual), files.authority.client(usual));
    for (key, is_good) in [(&pair.key, true), (&other.key, false)] {
        for version in [&TLS12, &TLS13] {
            let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
            let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key);
            let shown = CertifiedKey::new(vec![CertificateDer::from(pair.der())], key.unwrap());
            let mut roots = RootCertStore::empty();
            let root = CertificateDer::from_pem_slice(files.authority.pem().as_bytes()).unwrap();
            roots.add(root).unwrap();
            let config = ClientConfig::builder_with_protocol_versions(&[version])
                .with_root_certificates(roots)
                .with_client_cert_resolver(Arc::new(Stolen(Arc::new(shown))));
            let stream = TcpStream::connect(address).await.unwrap();
            let name = ServerName::try_from("localhost").unwrap();
            let mut answered = String::new();
            if let Ok(mut stream) = TlsConnector::from(Arc::new(config)).connect(name, stream).await
            {
                let ask = b"GET /userinfo HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
                let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, ask).await;
                let _ = tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut answered).await;
            }
            assert_eq!(answered.starts_with("HTTP/1.1 401"), is_good, "{version:?} {answered}");
        }
    }
}

/// The same certificate with the number of version 1, as `openssl x509 -req` of OpenSSL 3.0 makes it.
fn of_version_1(pair: &Pair) -> Vec<u8> {
    let mut der = pair.der();
    let version = [0xa0, 3, 2, 1, 2];
    let at = der.windows(version.len()).position(|part| part == version).expect("a version");
    der[at + version.len() - 1] = 0;
    der
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handshake_that_ends_by_its_certificate_is_in_the_log_once_for_each_reason() {
    let files = Files::new();
    let mut cli = Cli::prepared(&Database::Sqlite).await;
    for (key, value) in files.settings() {
        cli.set(&format!("MAPAE_{}", key.replace('.', "_").to_uppercase()), value);
    }
    let address = format!("127.0.0.1:{}", free_port());
    cli.set("MAPAE_MTLS_LISTEN", &address);
    let server = cli.serve().await;
    let (pair, other) = (files.authority.client(usual), files.authority.client(usual));
    let stolen = (pair.der(), &other.key);
    let of_version_1 = (of_version_1(&pair), &pair.key);
    for (der, key) in [&of_version_1, &of_version_1, &stolen] {
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
        let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key);
        let shown = CertifiedKey::new(vec![CertificateDer::from(der.clone())], key.unwrap());
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_slice(files.authority.pem().as_bytes()).unwrap();
        roots.add(root).unwrap();
        let config = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_client_cert_resolver(Arc::new(Stolen(Arc::new(shown))));
        let stream = TcpStream::connect(&address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let connected = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
        // In TLS 1.3 a client learns of it when it reads.
        if let Ok(mut stream) = connected {
            let mut answered = Vec::new();
            let _ = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut answered).await;
            assert_eq!(answered, b"");
        }
    }
    let said = || {
        let log = server.log();
        let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        lines
            .filter(|line| line["message"] == "a client certificate ended a handshake")
            .map(|line| (line["level"].clone(), line["address"].clone(), line["reason"].clone()))
            .collect::<Vec<_>>()
    };
    eventually("both are said", async || said().len() >= 2).await;
    let line = |reason: &str| (json!("INFO"), json!("127.0.0.1"), json!(reason));
    let expected = [line("it is not of X.509 version 3"), line("its key was not proven")];
    assert_eq!(said(), expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_begins_a_handshake_and_says_nothing_holds_up_nobody() {
    let files = Files::new();
    let mut settings = files.settings();
    settings.push(("http.connections", "8".to_owned()));
    let settings: Vec<_> = settings.iter().map(|(key, it)| (*key, it.as_str())).collect();
    let server = Server::start_with(&Database::Sqlite, &settings).await;
    let app = server.client("app", by_subject).await;
    let address = server.inner.mtls_address().unwrap();
    let mut silent = Vec::new();
    for half in [&b""[..], &[22, 3, 1, 2, 0, 1]].into_iter().cycle().take(40) {
        let mut stream = TcpStream::connect(address).await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, half).await.unwrap();
        silent.push(stream);
    }
    let pair = files.authority.client(usual);
    files.showing(&app, &server, &pair).token(OWN).await.ok();
    // The main listener has places of its own.
    assert_eq!(app.http.get(server.url("/livez")).send().await.unwrap().status(), 200);
    drop(silent);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_signs_in_at_a_client_that_pushes_with_a_certificate() {
    let files = Files::new();
    let server = files.start(&Database::Sqlite).await;
    let app = server
        .web_app("app", |client| {
            by_subject(client);
            bound(client);
            client.metadata.first_party = true;
        })
        .await;
    let pair = files.authority.client(usual);
    let there = files.showing(&app, &server, &pair);
    let pushed = there.push(&[]).await;
    assert_eq!(pushed.status, 201, "{}", pushed.text);
    let mut browser = server.browser();
    let code = browser.arrive(&app.pushed_url(&pushed)).await.authorization_response().code();
    files.showing_nothing(&app, &server).exchange(&code).await.refused(401, "invalid_client");
    let (access, _) = there.exchange(&code).await.pair();
    assert_eq!(decode_claims(&access)["cnf"]["x5t#S256"], pair.thumbprint());
    there.userinfo(&access).await.ok();
}

/// The lines of the documentation in this language.
fn documented(language: &str) -> String {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/mtls.md");
    let page = std::fs::read_to_string(page).unwrap();
    let (_, block) = page.split_once(&format!("```{language}\n")).expect("a block");
    block.split_once("```").expect("an end").0.to_owned()
}

/// What a client gets at a proxy, with its own certificate and with that of somebody else in the header.
async fn is_handed_on(files: &Files, server: &Server, port: u16) {
    let app = server.client(&format!("app{port}"), by_subject).await;
    let own = Pair::self_signed(&PKCS_ECDSA_P256_SHA256, usual);
    let alone = server.client(&format!("alone{port}"), self_signed(&[jwk(&own, true)])).await;
    let (pair, base) = (files.authority.client(usual), format!("https://localhost:{port}"));
    let at = |app: &App, pair: &Pair| App { http: pair.http(&files.authority), ..app.at(&base) };
    at(&app, &pair).token(OWN).await.ok();
    at(&alone, &own).token(OWN).await.ok();
    // Whoever names a certificate in the header has shown none.
    for (name, value) in [("Client-Cert", pair.header()), ("client-cert", pair.header())] {
        for http in [https(&files.authority), https(&files.authority).http1_title_case_headers()] {
            let http = http.build().unwrap();
            let body = form(&[OWN, &[("client_id", app.id.as_str())]].concat());
            let request = http.post(format!("{base}/token")).header(name, &value).body(body);
            let request = request.header("content-type", "application/x-www-form-urlencoded");
            Reply::of(request.send().await.unwrap()).await.refused(401, "invalid_client");
        }
    }
    at(&app, &own).token(OWN).await.refused(401, "invalid_client");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rfc9440_2_the_documented_proxies_hand_certificates_on_and_nothing_else() {
    let files = Files::new();
    let settings = files.settings_behind_proxies();
    let mut settings: Vec<_> = settings.iter().map(|(key, it)| (*key, it.as_str())).collect();
    for (key, it) in &mut settings {
        if *key == "trusted_proxies" {
            *it = "127.0.0.1";
        }
    }
    let server = Server::start_with(&Database::Sqlite, &settings).await;
    let read = |name: &str| std::fs::read_to_string(files.path(name)).unwrap();
    let main = server.inner.address();

    let port = free_port();
    let lines = documented("haproxy").replace(":8443", &format!("127.0.0.1:{port}"));
    let lines = lines.replace("/etc/haproxy", "FOLDER");
    let lines = format!(
        "defaults\n mode http\n timeout connect 5s\n timeout client 1m\n timeout server 1m\n\
         {lines}\nbackend mapae\n server one {main}\n"
    );
    let own = [
        ("id.pem", format!("{}{}", read("cert.pem"), read("key.pem"))),
        ("clients.pem", read("ca.pem")),
    ];
    let address = format!("127.0.0.1:{port}");
    let Some(_proxy) = CertificateProxy::haproxy(&address, &own, &lines).await else { return };
    Box::pin(is_handed_on(&files, &server, port)).await;

    let port = free_port();
    let lines = documented("nginx").replace("listen 8443", &format!("listen 127.0.0.1:{port}"));
    let lines = lines.replace("/etc/nginx", "FOLDER").replace("127.0.0.1:8080", &main.to_string());
    let script = lines.lines().filter_map(|line| line.strip_prefix("#   "));
    let script = script.collect::<Vec<_>>().join("\n");
    let own =
        [("id.pem", read("cert.pem")), ("id.key", read("key.pem")), ("client_cert.js", script)];
    let address = format!("127.0.0.1:{port}");
    let Some(_proxy) = CertificateProxy::nginx(&address, &own, &lines).await else { return };
    Box::pin(is_handed_on(&files, &server, port)).await;
}
