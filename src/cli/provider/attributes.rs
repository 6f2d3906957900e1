//! The flags for the attributes of a provider. They are made from the declaration of the
//! attributes.

use clap::builder::{BoolishValueParser, PossibleValuesParser};
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use serde_json::{Map, Value, json};

use crate::cli::usage::usage;
use crate::domain::client::ClientId;
use crate::domain::provider::{Audience, Preset, ProviderMetadata};
use crate::domain::provider_metadata::{Attribute, AttributeForm, ProviderChange};
use crate::domain::verdict::OrRejected;

/// The attributes of a provider that is added.
#[derive(Debug)]
pub(super) struct New(Given);

/// The attributes of a provider that is changed: all but its preset.
#[derive(Debug)]
pub(super) struct Changed(Given);

/// The given values, by the names of the attributes.
#[derive(Debug)]
struct Given(Map<String, Value>);

fn argument(attribute: &'static Attribute, is_new: bool) -> Arg {
    let argument = Arg::new(attribute.name)
        .long(attribute.flag)
        .value_name(attribute.placeholder)
        .help(attribute.words)
        .required(is_new && attribute.is_required);
    match attribute.form {
        AttributeForm::Text => argument,
        AttributeForm::Preset => {
            argument.value_parser(PossibleValuesParser::new(Preset::ALL.map(Preset::as_str)))
        }
        AttributeForm::Texts | AttributeForm::Audiences => argument.action(ArgAction::Append),
        AttributeForm::Flag => argument
            .num_args(0..=1)
            .default_missing_value("true")
            .value_parser(BoolishValueParser::new()),
    }
}

fn attributes(is_new: bool) -> impl Iterator<Item = &'static Attribute> {
    let changes = move |one: &&Attribute| is_new || !matches!(one.form, AttributeForm::Preset);
    ProviderMetadata::ATTRIBUTES.iter().filter(changes)
}

impl Given {
    fn read(matches: &ArgMatches, is_new: bool) -> Self {
        let value = |attribute: &Attribute| match attribute.form {
            AttributeForm::Text | AttributeForm::Preset => {
                matches.get_one::<String>(attribute.name).map(|text| json!(text))
            }
            AttributeForm::Texts | AttributeForm::Audiences => {
                let every = matches.get_many::<String>(attribute.name)?;
                Some(json!(every.collect::<Vec<_>>()))
            }
            AttributeForm::Flag => matches.get_one::<bool>(attribute.name).map(|flag| json!(flag)),
        };
        let given = attributes(is_new);
        Self(given.filter_map(|one| Some((one.name.to_owned(), value(one)?))).collect())
    }

    /// The attributes that were given. An empty value removes an attribute, and an empty item
    /// empties a list.
    fn attributes(mut self) -> OrRejected<ProviderChange> {
        for attribute in ProviderMetadata::ATTRIBUTES {
            match self.0.get_mut(attribute.name) {
                Some(value @ Value::String(_)) if *value == "" => *value = Value::Null,
                Some(Value::Array(items)) => {
                    items.retain(|item| item != "");
                    if matches!(attribute.form, AttributeForm::Audiences) {
                        for item in items {
                            *item = json!(audience(item.as_str().unwrap_or_default())?);
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(ProviderChange(self.0))
    }
}

/// Parses `ID=CLIENT,CLIENT` or `ID=`. It splits at the last equals sign, since an id is more
/// likely to contain one than the clients' ids.
fn audience(text: &str) -> OrRejected<Audience> {
    let halves = text.rsplit_once('=').filter(|(id, _)| !id.is_empty());
    let Some((id, clients)) = halves else {
        return usage(format!("--audience {text}: is not like ID=CLIENT,CLIENT"));
    };
    let clients = clients.split(',').filter(|_| !clients.is_empty());
    let clients: Option<Vec<_>> = clients.map(ClientId::parse).collect();
    match clients {
        Some(clients) => Ok(Audience { id: id.to_owned(), clients }),
        None => usage(format!("--audience {text}: holds something that is not a client id")),
    }
}

macro_rules! flags {
    ($name:ident, $is_new:literal) => {
        impl $name {
            pub(super) fn attributes(self) -> OrRejected<ProviderChange> {
                self.0.attributes()
            }
        }

        impl FromArgMatches for $name {
            fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
                Ok(Self(Given::read(matches, $is_new)))
            }

            fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
                self.0 = Given::read(matches, $is_new);
                Ok(())
            }
        }

        impl Args for $name {
            fn augment_args(command: Command) -> Command {
                command.args(attributes($is_new).map(|one| argument(one, $is_new)))
            }

            fn augment_args_for_update(command: Command) -> Command {
                Self::augment_args(command)
            }
        }
    };
}

flags!(New, true);
flags!(Changed, false);
