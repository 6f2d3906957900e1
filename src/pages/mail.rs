//! Mails: text and HTML from the same parts.

use askama::Template;

use super::colour::Colour;
use super::frame::Frame;
use super::instant;
use super::look::Look;
use crate::domain::mail::{Mail, MailContent, MailRenderer, MethodChange, RenderedMail};
use crate::domain::secret::Secret;
use crate::domain::verdict::Fault;

/// A part of a mail.
enum MailPart {
    /// A paragraph.
    Words(String),
    /// A code, alone on its line.
    Code(Secret),
    /// A link, and what it does.
    Link(String, Secret),
}

impl MailPart {
    /// The part as plain text.
    fn text(&self) -> String {
        match self {
            Self::Words(words) => words.clone(),
            Self::Code(code) => code.expose().clone(),
            Self::Link(label, url) => format!("{label}:\n{}", url.expose()),
        }
    }
}

#[derive(Template)]
#[template(path = "mail/mail.txt")]
struct TextMail<'a> {
    frame: Frame<'a>,
    parts: &'a [MailPart],
}

#[derive(Template)]
#[template(path = "mail/mail.html")]
struct HtmlMail<'a> {
    frame: Frame<'a>,
    subject: &'a str,
    parts: &'a [MailPart],
    accent: Colour,
}

impl MailRenderer for Look {
    fn render(&self, mail: &Mail) -> Result<RenderedMail, Fault> {
        let frame = Frame { look: self, language: mail.language, base: "", here: None };
        let (subject, parts) = (subject(frame, &mail.content), parts(frame, mail));
        let fault = |error: askama::Error| Fault::internal("putting a mail into words", error);
        let text = TextMail { frame, parts: &parts }.render().map_err(fault)?;
        let html = HtmlMail { frame, subject: &subject, parts: &parts, accent: self.accent() };
        let html = Secret::new(html.render().map_err(fault)?);
        Ok(RenderedMail { subject, text: Secret::new(text), html, service: self.name().to_owned() })
    }
}

fn subject(frame: Frame<'_>, content: &MailContent) -> String {
    let service = frame.look.name();
    match content {
        MailContent::Test => frame.t1("mail-test-subject", "service", service),
        MailContent::SignUp { .. } => frame.t1("mail-sign-up-subject", "service", service),
        MailContent::SignUpExisting {} => {
            frame.t1("mail-sign-up-existing-subject", "service", service)
        }
        MailContent::Invitation { .. } => frame.t1("mail-invitation-subject", "service", service),
        MailContent::Recovery { .. } => frame.t1("mail-recovery-subject", "service", service),
        MailContent::SignInCode { .. } => frame.t1("mail-sign-in-code-subject", "service", service),
        MailContent::NewAddress { .. } => frame.t1("mail-new-address-subject", "service", service),
        MailContent::AddressChanged { .. } | MailContent::AddressSetByOperator { .. } => {
            frame.t1("mail-address-changed-subject", "service", service)
        }
        MailContent::AddressGivenBack { .. } | MailContent::AddressLost {} => {
            frame.t1("mail-address-given-back-subject", "service", service)
        }
        MailContent::SignInMethodChanged { .. } => {
            frame.t1("mail-method-subject", "service", service)
        }
        MailContent::RecoveryCodesLow { .. } => {
            frame.t1("mail-recovery-codes-subject", "service", service)
        }
        MailContent::NewDevice { .. } => frame.t1("mail-new-device-subject", "service", service),
        MailContent::DeletionPlanned { .. } => {
            frame.t1("mail-deletion-subject", "service", service)
        }
        MailContent::Deleted => frame.t1("mail-deleted-subject", "service", service),
    }
}

fn parts(frame: Frame<'_>, mail: &Mail) -> Vec<MailPart> {
    let service = frame.look.name();
    let words = |words: String| vec![MailPart::Words(words)];
    let button = |label: String, link: &Secret| vec![MailPart::Link(label, link.clone())];
    let end = mail.expires_at.map(|end| instant::words(&end, &frame));
    let until = end.map(|end| words(frame.t1("mail-until", "time", &end))).unwrap_or_default();
    let parts = match &mail.content {
        MailContent::Test => vec![words(frame.t1("mail-test-lead", "service", service))],
        MailContent::SignUp { link, code } => vec![
            words(frame.t1("mail-sign-up-lead", "service", service)),
            confirmation(frame, link, code),
            until,
            words(frame.t("mail-ignore")),
        ],
        MailContent::NewAddress { link, code } => vec![
            words(frame.t1("mail-new-address-lead", "service", service)),
            confirmation(frame, link, code),
            until,
            words(frame.t("mail-ignore")),
        ],
        MailContent::SignUpExisting {} => vec![
            words(frame.t1("mail-sign-up-existing-lead", "service", service)),
            words(frame.t("mail-sign-up-existing-advice")),
            words(frame.t("mail-ignore")),
        ],
        MailContent::Invitation { link } => vec![
            words(frame.t1("mail-invitation-lead", "service", service)),
            button(frame.t("mail-invitation-submit"), link),
            until,
            words(frame.t("mail-invitation-ignore")),
        ],
        MailContent::Recovery { link } => vec![
            words(frame.t1("mail-recovery-lead", "service", service)),
            button(frame.t("mail-recovery-submit"), link),
            until,
            words(frame.t("mail-recovery-ignore")),
        ],
        MailContent::SignInCode { code } => vec![
            words(frame.t("mail-sign-in-code-lead")),
            vec![MailPart::Code(code.clone())],
            until,
            words(frame.t("mail-sign-in-code-ignore")),
        ],
        MailContent::AddressChanged { new_address, undo_link } => vec![
            words(frame.t1("mail-address-changed-lead", "address", new_address)),
            words(frame.t("mail-address-changed-advice")),
            button(frame.t("mail-address-changed-undo"), undo_link),
            until,
        ],
        MailContent::AddressGivenBack { removed, device, place } => vec![
            words(frame.t("mail-address-given-back-lead")),
            removed.iter().map(|change| MailPart::Words(changed(frame, *change))).collect(),
            origin(frame, device.as_ref(), place.as_ref()),
        ],
        MailContent::AddressLost {} => {
            vec![words(frame.t1("mail-address-lost-lead", "service", service))]
        }
        MailContent::AddressSetByOperator { new_address } => vec![
            words(frame.t1("mail-address-changed-lead", "address", new_address)),
            words(frame.t("mail-by-operator")),
        ],
        MailContent::SignInMethodChanged { change, device, place } => {
            let from = (device.as_ref(), place.as_ref());
            vec![words(changed(frame, *change)), change_origin(frame, *change, from)]
        }
        MailContent::NewDevice { device, place } => vec![
            words(frame.t1("mail-new-device-lead", "service", service)),
            origin(frame, device.as_ref(), place.as_ref()),
        ],
        MailContent::RecoveryCodesLow { left } => vec![
            words(frame.tn("mail-recovery-codes-lead", "left", (*left).into())),
            words(frame.t("mail-recovery-codes-advice")),
        ],
        MailContent::DeletionPlanned { at } => vec![
            words(frame.t1("mail-deletion-lead", "time", &instant::words(at, &frame))),
            words(frame.t("mail-deletion-undo")),
        ],
        MailContent::Deleted => vec![words(frame.t1("mail-deleted-lead", "service", service))],
    };
    parts.into_iter().flatten().collect()
}

/// A link that confirms an address, or a code for the browser that asked.
fn confirmation(frame: Frame<'_>, link: &Secret, code: &Secret) -> Vec<MailPart> {
    vec![
        MailPart::Link(frame.t("mail-confirm"), link.clone()),
        MailPart::Words(frame.t("mail-code")),
        MailPart::Code(code.clone()),
    ]
}

/// Where something was done, and what to do if somebody else did it.
fn origin(frame: Frame<'_>, device: Option<&String>, place: Option<&String>) -> Vec<MailPart> {
    let device = device.map(|device| frame.t1("mail-device", "device", device));
    let place = place.map(|place| frame.t1("mail-place", "place", place));
    let lines = device.into_iter().chain(place).chain([frame.t("mail-not-you")]);
    lines.map(MailPart::Words).collect()
}

/// Where a change was made, or that an operator made it.
fn change_origin(
    frame: Frame<'_>,
    change: MethodChange,
    (device, place): (Option<&String>, Option<&String>),
) -> Vec<MailPart> {
    if change.is_by_operator() {
        return vec![MailPart::Words(frame.t("mail-by-operator"))];
    }
    origin(frame, device, place)
}

fn changed(frame: Frame<'_>, change: MethodChange) -> String {
    match change {
        MethodChange::PasswordAdded => frame.t("mail-password-added"),
        MethodChange::PasswordChanged => frame.t("mail-password-changed"),
        MethodChange::PasswordSetByOperator => frame.t("mail-password-set"),
        MethodChange::PasskeyAdded => frame.t("mail-passkey-added"),
        MethodChange::PasskeyRemoved => frame.t("mail-passkey-removed"),
        MethodChange::OneTimeCodesAdded => frame.t("mail-one-time-codes-added"),
        MethodChange::OneTimeCodesRemoved => frame.t("mail-one-time-codes-removed"),
        MethodChange::SecondFactorReset => frame.t("mail-second-factor-reset"),
        MethodChange::RecoveryCodesRenewed => frame.t("mail-recovery-codes-renewed"),
        MethodChange::RecoveryCodesRemoved => frame.t("mail-recovery-codes-removed"),
        MethodChange::ProviderConnected => frame.t("mail-provider-connected"),
        MethodChange::ProviderDisconnected => frame.t("mail-provider-disconnected"),
        MethodChange::PasswordRecovered => frame.t("mail-password-recovered"),
        MethodChange::PasskeyRecovered => frame.t("mail-passkey-recovered"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::domain::language::{LANGUAGES, Language};
    use crate::pages::samples::names::{HOSTILE, LONG};
    use crate::pages::samples::values;

    const ISSUER: &str = "https://id.example.com";
    const URL: &str = "https://id.example.com/confirm?token=mapae_ml_x";
    const CODE: &str = "ABCD-EFGH";

    /// Every mail, with all that it may name.
    fn every() -> Vec<MailContent> {
        let (link, code) = (Secret::text(URL), Secret::text(CODE));
        let (device, place) = (Some(HOSTILE.to_owned()), Some("203.0.113.7".to_owned()));
        let changes = [
            MethodChange::PasswordAdded,
            MethodChange::PasswordChanged,
            MethodChange::PasswordSetByOperator,
            MethodChange::PasskeyAdded,
            MethodChange::PasskeyRemoved,
            MethodChange::OneTimeCodesAdded,
            MethodChange::OneTimeCodesRemoved,
            MethodChange::SecondFactorReset,
            MethodChange::RecoveryCodesRenewed,
            MethodChange::RecoveryCodesRemoved,
            MethodChange::ProviderConnected,
            MethodChange::ProviderDisconnected,
            MethodChange::PasswordRecovered,
            MethodChange::PasskeyRecovered,
        ];
        let of_change = |change| {
            let (device, place) = (device.clone(), place.clone());
            MailContent::SignInMethodChanged { change, device, place }
        };
        let mut all = vec![
            MailContent::Test,
            MailContent::SignUp { link: link.clone(), code: code.clone() },
            MailContent::SignUpExisting {},
            MailContent::Invitation { link: link.clone() },
            MailContent::Recovery { link: link.clone() },
            MailContent::SignInCode { code: code.clone() },
            MailContent::NewAddress { link: link.clone(), code },
            MailContent::AddressChanged { new_address: LONG.to_owned(), undo_link: link },
            MailContent::AddressGivenBack {
                removed: changes.to_vec(),
                device: device.clone(),
                place: place.clone(),
            },
            MailContent::AddressLost {},
            MailContent::AddressSetByOperator { new_address: LONG.to_owned() },
            MailContent::RecoveryCodesLow { left: 3 },
            MailContent::RecoveryCodesLow { left: 1 },
            MailContent::NewDevice { device: device.clone(), place: place.clone() },
            MailContent::NewDevice { device: None, place: None },
            MailContent::DeletionPlanned { at: values::instant(0) },
            MailContent::Deleted,
        ];
        all.extend(changes.map(of_change));
        all
    }

    /// Calls the check with every mail in every language.
    fn each(check: impl Fn(&str, Language, &MailContent, &RenderedMail)) {
        let look = Look::builtin();
        for language in LANGUAGES.iter() {
            for content in every() {
                let mail = Mail {
                    to: "hana@example.com".to_owned(),
                    language,
                    user: None,
                    client: None,
                    content: content.clone(),
                    expires_at: Some(values::instant(1800)),
                };
                let name = format!("{} in {language:?}", content.as_str());
                check(&name, language, &content, &look.render(&mail).expect("a mail"));
            }
        }
    }

    fn secrets(content: &MailContent) -> (bool, bool) {
        let json = serde_json::to_string(content).expect("JSON");
        (json.contains(URL), json.contains(CODE))
    }

    #[test]
    fn text_and_html_have_the_link_and_the_code_and_no_other_url_of_the_issuer() {
        each(|name, _, content, mail| {
            let (has_link, has_code) = secrets(content);
            let (text, html) = (mail.text.expose(), mail.html.expose());
            for (form, body) in [("text", text), ("HTML", html)] {
                let urls = body.split(['"', ' ', '\n', '<']).filter(|it| it.starts_with(ISSUER));
                let urls: BTreeSet<&str> = urls.collect();
                let expected = has_link.then_some(URL).into_iter().collect();
                assert_eq!(urls, expected, "{name} {form}");
                assert!(!body.contains("http://") && body.contains(CODE) == has_code, "{name}");
                assert!(!body.contains("mail-") && !body.contains("{ $"), "{name}: {body}");
            }
            for (has, alone) in [(has_link, URL), (has_code, CODE)] {
                assert_eq!(text.lines().any(|line| line == alone), has, "{name}: {text}");
            }
            assert!(!mail.subject.contains(CODE) && !mail.subject.is_empty(), "{name}");
        });
    }

    #[test]
    fn a_mail_speaks_one_language_and_names_the_service() {
        each(|name, language, content, mail| {
            let is_korean = |text: &str| text.chars().any(|c| ('가'..='힣').contains(&c));
            let korean = language.as_str() == "ko";
            assert_eq!(is_korean(&mail.subject), korean, "{name}: {}", mail.subject);
            let lines = mail.text.expose().lines().filter(|line| !line.is_empty());
            for line in lines.filter(|line| ![URL, CODE, "mapae"].contains(line)) {
                assert_eq!(is_korean(line), korean, "{name}: {line}");
            }
            assert!(mail.html.expose().contains(&format!("lang=\"{}\"", language.as_str())));
            assert!(mail.text.expose().trim_end().ends_with("mapae"), "{name}");
            let says_end = mail.text.expose().contains("2026");
            let (has_link, has_code) = secrets(content);
            let has_end =
                has_link || has_code || matches!(content, MailContent::DeletionPlanned { .. });
            assert_eq!(says_end, has_end, "{name}");
        });
    }

    #[test]
    fn what_others_wrote_is_text_in_html() {
        each(|name, _, _, mail| {
            let html = mail.html.expose();
            assert!(!html.contains("<img") && !html.contains("<script"), "{name}: {html}");
        });
    }

    #[test]
    fn an_operators_name_colour_and_words_are_in_mails() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text);
        write("brand.toml", "name = \"달빛 <로그인>\"\naccent = \"#03c75a\"").expect("a file");
        write("en.ftl", "mail-confirm = Yes, that is me").expect("a file");
        let look = Look::load(folder.path()).expect("a look");
        let mail = Mail {
            to: "hana@example.com".to_owned(),
            language: Language::default(),
            user: None,
            client: None,
            content: MailContent::SignUp { link: Secret::text(URL), code: Secret::text(CODE) },
            expires_at: None,
        };
        let mail = look.render(&mail).expect("a mail");
        assert_eq!(mail.service, "달빛 <로그인>");
        assert!(mail.subject.contains("달빛 <로그인>"));
        assert!(mail.html.expose().contains("달빛 &#60;로그인&#62;"));
        assert!(mail.html.expose().contains("background:#03c75a"));
        assert!(mail.text.expose().contains("Yes, that is me:\nhttps://"));
    }
}
