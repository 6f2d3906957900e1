//! The attributes of imported people, by what the operator has declared.

use super::person::{ATTRIBUTES, NewPerson};
use crate::domain::attribute::Attribute;
use crate::domain::verdict::Fault;
use crate::store::{Store, attributes};

/// The attributes that are declared.
#[derive(Debug)]
pub(super) struct DeclaredAttributes(Vec<Attribute>);

impl DeclaredAttributes {
    pub(super) async fn of(store: &Store) -> Result<Self, Fault> {
        Ok(Self(attributes::list_all(store).await?))
    }

    /// Reads the values of a person as the declared types. What is not declared is left out; `Err`
    /// names a value of another type.
    pub(super) fn read(&self, person: &mut NewPerson) -> Result<(), String> {
        for (name, text) in std::mem::take(&mut person.attributes) {
            let Some(attribute) = self.0.iter().find(|one| one.name == name) else {
                person.leave_out(ATTRIBUTES);
                continue;
            };
            // An empty text is no value, as at the command line.
            if !text.is_empty() {
                person.values.push((name, attribute.read(&text)?));
            }
        }
        Ok(())
    }
}
