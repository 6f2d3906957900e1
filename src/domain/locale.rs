//! Tags of languages (BCP 47), as the claim `locale` has them: a language, perhaps with a script and
//! a region. Languages and regions must be known.

/// The languages of ISO 639-1.
const LANGUAGES: &str = "aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch \
    co cr cs cu cv cy da de dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he \
    hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv \
    kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny \
    oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su \
    sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu \
    fil yue cmn gsw haw";

/// The regions of ISO 3166-1.
const REGIONS: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL \
    BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ \
    DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS \
    GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR \
    KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU \
    MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY \
    QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH \
    TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW \
    001 150 419";

/// The tag in the case that people use, like `ko-KR` or `zh-Hant-TW`. Some apps send an underscore
/// in place of the hyphen (OpenID Connect Core §5.1). `None`: it is not a tag, or nothing that it
/// names is known.
#[must_use]
pub fn canonical(tag: &str) -> Option<String> {
    let mut parts = tag.split(['-', '_']).peekable();
    let language = parts.next()?.to_ascii_lowercase();
    if !is_listed(LANGUAGES, &language) {
        return None;
    }
    let mut canonical = language;
    let is_script = |part: &&str| part.len() == 4 && part.bytes().all(|b| b.is_ascii_alphabetic());
    if let Some(script) = parts.next_if(is_script) {
        let (first, rest) = script.split_at_checked(1)?;
        canonical.push('-');
        canonical.push_str(&first.to_ascii_uppercase());
        canonical.push_str(&rest.to_ascii_lowercase());
    }
    if let Some(region) = parts.next() {
        let region = region.to_ascii_uppercase();
        if !is_listed(REGIONS, &region) {
            return None;
        }
        canonical.push('-');
        canonical.push_str(&region);
    }
    parts.next().is_none().then_some(canonical)
}

fn is_listed(list: &str, word: &str) -> bool {
    list.split_ascii_whitespace().any(|known| known == word)
}

#[cfg(test)]
mod tests {
    use super::canonical;

    #[test]
    fn core_5_1_a_locale_is_a_language_with_a_script_and_a_region_that_are_known() {
        for (tag, known) in [
            ("ko", Some("ko")),
            ("ko-KR", Some("ko-KR")),
            ("KO_kr", Some("ko-KR")),
            ("zh-hant-tw", Some("zh-Hant-TW")),
            ("sr-Latn", Some("sr-Latn")),
            ("es-419", Some("es-419")),
            ("fil-PH", Some("fil-PH")),
            ("", None),
            ("-", None),
            ("xx", None),
            ("ko-ZZ", None),
            ("ko-KR-x-private", None),
            ("ko KR", None),
            ("한국어", None),
            ("en-\u{c9}\u{c9}", None),
        ] {
            assert_eq!(canonical(tag).as_deref(), known, "{tag:?}");
        }
    }
}
