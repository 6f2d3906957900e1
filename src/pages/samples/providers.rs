//! Providers of the samples.

use crate::pages::provider::{Brand, ProviderButton};

const fn button(slug: &'static str, name: &'static str, brand: Brand) -> ProviderButton<'static> {
    ProviderButton { slug, name, brand, renamed: false }
}

pub(crate) fn few() -> Vec<ProviderButton<'static>> {
    every().into_iter().filter(|it| ["google", "kakao", "apple"].contains(&it.slug)).collect()
}

/// A button of every brand.
pub(crate) fn every() -> Vec<ProviderButton<'static>> {
    vec![
        button("google", "Google", Brand::Google),
        button("kakao", "Kakao", Brand::Kakao),
        button("naver", "Naver", Brand::Naver),
        button("apple", "Apple", Brand::Apple),
        button("line", "LINE", Brand::Line),
        button("microsoft", "Microsoft", Brand::Microsoft),
        button("facebook", "Facebook", Brand::Facebook),
        button("github", "GitHub", Brand::GitHub),
        button("gitlab", "GitLab", Brand::GitLab),
        button("work", "Dalbit Books Staff", Brand::Other),
    ]
}
