//! `/account/security`: the ways to sign in. The forms of its sections are read in files of their
//! own; if one has to be shown again with an error, it calls [`show`].

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};

use super::passkey_section::section;
use crate::accounts::browsers::SignedInUser;
use crate::domain::account_page::AccountPage;
use crate::flows::connected_providers::{Connections, ProviderConnection, connections};
use crate::flows::factor_set_up;
use crate::flows::my_account::may_set_password;
use crate::flows::my_passkeys::my_passkeys;
use crate::flows::outcome::FlashMessage;
use crate::flows::submitted::AccountForm;
use crate::pages::{
    AddressProblem, AddressSection, Brand, ConnectedProvider, OneTimeCodes, PasskeyProblem,
    PasswordForm, PasswordProblem, PasswordSection, ProviderNotice, ProvidersSection, SecurityPage,
};
use crate::web::account_session::{shell, visited};
use crate::web::edge::Context;
use crate::web::flash_messages;
use crate::web::page::{self, Answered};
use crate::web::page_request::PageRequest;
use crate::web::respond::respond;
use crate::web::shared::Shared;
use crate::web::sign_in_options::buttons;

/// The page of this file.
pub(super) const PAGE: AccountPage = AccountPage::Security;

/// What one answer shows in addition to the ways to sign in: a message, or the error of a section.
#[derive(Clone, Debug, Default)]
pub(super) struct SecurityAnswer {
    /// The message about what happened.
    pub(super) message: Option<FlashMessage>,
    /// Why nothing was sent to a new address.
    pub(super) address: Option<AddressProblem>,
    /// Why the password was not changed.
    pub(super) password: Option<PasswordProblem>,
    /// Why no passkey was added or removed.
    pub(super) passkey: Option<PasskeyProblem>,
}

pub(in crate::web) async fn get(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let (page_request, signed_in_user) = visited(&shared, context, request, PAGE).await?;
    let message = flash_messages::at_account(&shared, &page_request, &signed_in_user.session.id);
    let says = SecurityAnswer { message, ..SecurityAnswer::default() };
    Ok(show(&shared, &page_request, &signed_in_user, StatusCode::OK, says).await)
}

/// Shows the page.
pub(super) async fn show(
    shared: &Shared,
    page_request: &PageRequest,
    signed_in_user: &SignedInUser,
    status: StatusCode,
    says: SecurityAnswer,
) -> Response<Body> {
    let connected = match connections(&shared.flows, signed_in_user).await {
        Ok(connected) => connected,
        Err(fault) => return respond(shared, page_request, fault),
    };
    let language = page_request.language.as_str();
    let mine = my_passkeys(&shared.flows, signed_in_user, shared.look.name()).await;
    let mine = match mine {
        Ok(mine) => mine,
        Err(fault) => return respond(shared, page_request, fault),
    };
    let SecurityAnswer { message, address, password, passkey } = says;
    let provider_notice = match &message {
        Some(FlashMessage::UpstreamNotice(slug, outcome)) => {
            Some((shared.flows.providers.find(slug, None), *outcome))
        }
        _ => None,
    };
    let codes = match factor_set_up::own_codes(&shared.flows, &signed_in_user.user).await {
        Ok(codes) => codes,
        Err(fault) => return respond(shared, page_request, fault),
    };
    let csrf = AccountForm::token(&shared.flows, signed_in_user);
    let security = SecurityPage {
        frame: page_request.frame(shared),
        shell: shell(PAGE, signed_in_user, &csrf, message.as_ref()),
        provider_notice: provider_notice.as_ref().map(|(provider, outcome)| ProviderNotice {
            outcome: *outcome,
            provider: provider.as_ref().map(|provider| provider.name(language)),
        }),
        address: AddressSection {
            is_offered: shared.flows.mailer.is_some(),
            email: signed_in_user.user.email.as_deref(),
            is_verified: signed_in_user.user.email_verified,
            typed: page_request.form.get("email").unwrap_or_default(),
            problem: address,
        },
        password: PasswordSection {
            form: match &signed_in_user.user.password_hash {
                Some(_) => PasswordForm::Change,
                None if may_set_password(&shared.flows) => PasswordForm::Set,
                None => PasswordForm::NotOffered,
            },
            problem: password,
        },
        passkeys: mine.as_ref().map(|mine| section(mine, passkey)),
        one_time_codes: OneTimeCodes { since: codes.since, left: codes.left, new: &codes.new },
        providers: providers(&connected, language),
    };
    page::show(shared, status, &security, page_request)
}

fn providers<'a>(connected: &'a Connections, language: &str) -> ProvidersSection<'a> {
    ProvidersSection {
        linked: connected.linked.iter().map(|one| linked(one, language)).collect(),
        linkable: buttons(&connected.linkable, language),
    }
}

fn linked<'a>(connection: &'a ProviderConnection, language: &str) -> ConnectedProvider<'a> {
    let slug = connection.linked.provider.as_str();
    let configured = connection.configured.as_deref();
    ConnectedProvider {
        id: &connection.name,
        name: configured.map_or(slug, |configured| configured.name(language)),
        brand: configured.map_or(Brand::Other, |configured| {
            Brand::of_preset(configured.registration.metadata.preset)
        }),
        email: connection.linked.email.as_deref(),
        since: connection.linked.linked_at,
        removable: connection.removable,
    }
}
