//! QR codes as SVG, drawn in the page itself.

use std::fmt::Write;

use qrcodegen::{QrCode, QrCodeEcc};

/// The empty border that readers need, in modules.
const QUIET: i32 = 4;

/// The SVG of a text, with this description for people who do not see it. It is empty if the text is
/// too long for a QR code.
pub(super) fn svg(text: &str, description: &str) -> String {
    let Ok(code) = QrCode::encode_text(text, QrCodeEcc::Medium) else { return String::new() };
    let size = code.size() + 2 * QUIET;
    let mut outline = String::new();
    for y in 0..code.size() {
        for x in (0..code.size()).filter(|x| code.get_module(*x, y)) {
            // Writing to a text cannot fail.
            let _ = write!(outline, "M{} {}h1v1h-1z", x + QUIET, y + QUIET);
        }
    }
    let label = escaped(description);
    format!(
        "<svg class=\"qr\" viewBox=\"0 0 {size} {size}\" role=\"img\" aria-label=\"{label}\">\
         <rect width=\"{size}\" height=\"{size}\" fill=\"#ffffff\"></rect>\
         <path fill=\"#000000\" d=\"{outline}\"></path></svg>"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&#38;").replace('"', "&#34;").replace('<', "&#60;").replace('>', "&#62;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_its_border_and_its_description() {
        let svg = svg("otpauth://totp/a?secret=GEZDGNBVGY3TQOJQ", "a \"code\" <b>");
        assert!(svg.contains("viewBox=\"0 0 "));
        assert!(svg.contains("aria-label=\"a &#34;code&#34; &#60;b&#62;\""));
        // The corner of the finder pattern stands behind the border.
        assert!(svg.contains("M4 4h1v1h-1z"));
        assert_eq!(super::svg(&"x".repeat(5000), ""), "");
    }
}
