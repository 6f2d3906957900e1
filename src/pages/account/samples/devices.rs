//! The samples of the page with the devices.

use super::{done, hostile, shell};
use crate::domain::account_page::AccountPage;
use crate::pages::account::devices::{Device, DevicesPage};
use crate::pages::account::notice::AccountNotice;
use crate::pages::frame::Frame;
use crate::pages::sample::Sample;
use crate::pages::samples::names;
use crate::pages::samples::values::instant;

const PAGE: AccountPage = AccountPage::Devices;

impl<'a> Sample<'a> for DevicesPage<'a> {
    const NAME: &'static str = "account-devices";

    fn samples(frame: Frame<'a>) -> Vec<(&'static str, Self)> {
        let page = Self { frame, shell: shell(PAGE), devices: devices(), more: None };
        let signed_out = done(PAGE, AccountNotice::DeviceSignedOut);
        vec![
            ("full", page.clone()),
            ("none", Self { devices: vec![], ..page.clone() }),
            ("more", Self { more: Some("0.d3".to_owned()), ..page.clone() }),
            ("signed-out", Self { shell: signed_out, ..page.clone() }),
            ("hostile", Self { shell: hostile(PAGE), devices: hostile_devices(), ..page }),
        ]
    }
}

fn devices() -> Vec<Device<'static>> {
    let here = Device {
        id: "d1",
        browser: Some("Chrome"),
        system: Some("Windows"),
        address: Some("203.0.113.7"),
        signed_in_at: instant(0),
        seen_at: instant(100_000),
        current: true,
    };
    let phone = Device {
        id: "d2",
        browser: Some("Safari"),
        system: Some("iPhone"),
        address: Some("2001:db8:85a3:8d3:1319:8a2e:370:7348"),
        seen_at: instant(4_000),
        current: false,
        ..here
    };
    let nameless = Device { id: "d3", browser: None, system: None, address: None, ..phone };
    vec![here, phone, nameless]
}

fn hostile_devices() -> Vec<Device<'static>> {
    let text = Some(names::HOSTILE);
    let hostile =
        |it| Device { id: names::HOSTILE, browser: text, system: text, address: text, ..it };
    devices().into_iter().take(1).map(hostile).collect()
}
