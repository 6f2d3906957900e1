//! Why a provider cannot be added or changed, in terms of the flags of the command line.

use crate::admin::providers::Unfit;
use crate::domain::provider::{Credential, ProviderMetadata, Registration};
use crate::domain::verdict::{Error, Rejected};

pub(super) fn by_flag(unfit: Unfit) -> Error<Rejected> {
    let words = match unfit {
        Unfit::Registration(problems, registration) => {
            let problems = problems.into_iter();
            one_line(problems.map(|(key, problem)| of_key(key, &problem, &registration)))
        }
        Unfit::Attributes(problems) => {
            one_line(problems.0.into_iter().map(|(name, problem)| of_flag(name, &problem)))
        }
        other => other.to_string(),
    };
    Error::Refused(Rejected(words))
}

fn one_line(lines: impl Iterator<Item = String>) -> String {
    lines.collect::<Vec<_>>().join("; ")
}

fn of_key(key: &str, problem: &str, registration: &Registration) -> String {
    match key {
        "client_secret" => format!(
            "give the client secret: --client-secret-stdin or --client-secret-file (it {problem})"
        ),
        "team_id" if registration.credential == Credential::None => {
            "apple needs --team-id, --key-id and --private-key-file".to_owned()
        }
        _ => of_flag(key, problem),
    }
}

/// Names the flag of a settings key or an attribute.
fn of_flag(key: &str, problem: &str) -> String {
    let attribute = ProviderMetadata::ATTRIBUTES.iter().find(|one| one.name == key);
    let flag = attribute.map_or_else(|| key.replace('_', "-"), |one| one.flag.to_owned());
    format!("--{flag} {problem}")
}
