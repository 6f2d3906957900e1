//! Leads a person through the pages until the app gets its answer. Each purpose has a file, and one
//! place takes the next step ([`advance`]). What the person is working on is an
//! [`Interaction`](crate::domain::interaction::Interaction); the pages contain only its handle.

pub mod advance;
pub mod callback;
pub mod complete_sign_in;
pub mod connected_providers;
pub mod consent;
pub mod context;
pub mod deletion;
pub mod device;
pub mod due_factor;
pub mod due_terms;
pub mod factor_set_up;
pub mod fresh_proof;
pub mod interaction;
pub mod keep_account;
mod known_passkeys;
pub mod logout;
pub mod lookup;
pub mod mail_code;
pub mod mail_to_account;
pub mod my_account;
pub mod my_activity;
pub mod my_actors;
pub mod my_attributes;
pub mod my_data;
pub mod my_passkeys;
pub mod my_profile;
pub mod new_account;
pub mod new_address;
pub mod new_way_in;
pub mod outcome;
pub mod passkey_sign_in;
pub mod recovery;
pub mod scope_texts;
pub mod second_factor;
pub mod sign_in;
pub mod sign_up;
pub mod sign_up_offer;
pub mod start;
pub mod submitted;
pub mod terms;
pub mod upstream_login;
