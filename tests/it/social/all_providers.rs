//! Every provider at once, each with a person of its own.

use tempfile::TempDir;

use super::table;
use crate::support::upstream::{
    APPLE_TEAM_ID, Apple, CLIENT_ID, Facebook, GitHub, Google, KAKAO_APP_ID, Kakao, Line,
    Microsoft, Naver, Oidc, ProviderRecords,
};
use crate::support::{Database, Server};

/// The client of ours that the further client ids are for.
pub(super) const NATIVE: &str = "native";
/// A client of ours that other client ids are for.
pub(super) const OTHER: &str = "other";
/// What Kakao calls an app of [`OTHER`].
pub(super) const OTHER_KAKAO_APP: &str = "777777";

/// Every provider.
pub(crate) struct AllProviders {
    pub(super) github: GitHub,
    pub(super) naver: Naver,
    pub(super) facebook: Facebook,
    pub(super) kakao: Kakao,
    pub(super) apple: Apple,
    pub(super) google: Google,
    pub(super) line: Line,
    pub(super) microsoft: Microsoft,
    pub(crate) oidc: Oidc,
    folder: TempDir,
}

/// Does the same with each of the providers that are named.
macro_rules! with_each {
    ($every:ident: $($name:ident),+; |$slug:ident, $provider:ident| $body:block) => {$({
        let ($slug, $provider) = (stringify!($name), &$every.$name);
        $body
    })+};
    ($every:ident, |$slug:ident, $provider:ident| $body:block) => {
        with_each!(
            $every: github, naver, facebook, kakao, apple, google, line, microsoft, oidc;
            |$slug, $provider| $body
        )
    };
}
pub(super) use with_each;

/// What a provider calls the app whose tokens count for [`NATIVE`].
pub(super) fn native_of(slug: &str) -> String {
    format!("com.example.native.{slug}")
}

/// What a provider calls the app whose tokens count for [`OTHER`].
pub(super) fn other_of(slug: &str) -> String {
    format!("com.example.other.{slug}")
}

impl AllProviders {
    pub(crate) async fn start() -> Self {
        let every = Self {
            github: GitHub::start().await,
            naver: Naver::start().await,
            facebook: Facebook::start().await,
            kakao: Kakao::start().await,
            apple: Apple::start().await,
            google: Google::start().await,
            line: Line::start().await,
            microsoft: Microsoft::start().await,
            oidc: Oidc::start().await,
            folder: tempfile::tempdir().expect("a folder"),
        };
        for (slug, records) in every.all_records() {
            records.change(|person| person.email = Some(format!("mina@{slug}.example")));
        }
        every
    }

    /// Every one of them by its slug, which is the name of its preset.
    pub(crate) fn all_records(&self) -> [(&'static str, &ProviderRecords); 9] {
        [
            ("github", &self.github),
            ("naver", &self.naver),
            ("facebook", &self.facebook),
            ("kakao", &self.kakao),
            ("apple", &self.apple),
            ("google", &self.google),
            ("line", &self.line),
            ("microsoft", &self.microsoft),
            ("oidc", &self.oidc),
        ]
    }

    /// How they are registered.
    pub(crate) fn toml(&self) -> String {
        let audience = |id: &str, client: &str| {
            format!("[[social.audience]]\nid = \"{id}\"\nclients = [\"{client}\"]\n")
        };
        let tables = self.all_records().map(|(slug, records)| {
            let mut more =
                vec![audience(&native_of(slug), NATIVE), audience(&other_of(slug), OTHER)];
            if slug == "kakao" {
                more.push(audience(&KAKAO_APP_ID.to_string(), NATIVE));
                more.push(audience(OTHER_KAKAO_APP, OTHER));
            }
            let more = more.concat();
            match slug {
                "apple" => apple_table(&self.apple, &self.folder, &more),
                _ => table(slug, slug, records.base(), &more),
            }
        });
        tables.concat()
    }

    /// A server that knows every one of them.
    pub(super) async fn server(&self, database: &Database) -> Server {
        let server = Server::start_social(database, &self.toml()).await;
        self.all_records().iter().for_each(|(_, records)| records.follows(server.now()));
        server
    }
}

/// Apple's credential is a key, in a file.
fn apple_table(apple: &Apple, folder: &TempDir, more: &str) -> String {
    let file = folder.path().join("apple.p8");
    crate::support::write_secret(&file, apple.p8());
    format!(
        "[[social]]\nslug = \"apple\"\npreset = \"apple\"\nissuer = \"{}\"\n\
         client_id = \"{CLIENT_ID}\"\nteam_id = \"{APPLE_TEAM_ID}\"\nkey_id = \"{}\"\n\
         private_key_file = \"{}\"\n{more}\n",
        apple.base(),
        apple.key_id(),
        file.display()
    )
}
