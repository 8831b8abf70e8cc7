//! The way into a room as a picture that a phone's camera reads.

use qrcode::{
    EcLevel, QrCode,
    render::{svg, unicode},
};

/// As SVG, dark on light in every theme: cameras want it so.
pub fn svg(address: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(address, EcLevel::M).ok()?;
    let dark = svg::Color("#14242c");
    Some(
        code.render::<svg::Color<'_>>()
            .min_dimensions(240, 240)
            .dark_color(dark)
            .light_color(svg::Color("#fff"))
            .build(),
    )
}

/// For a terminal, two rows of the picture in a line. Terminals are dark more often than not, so what is lit is light.
pub fn text(address: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(address, EcLevel::L).ok()?;
    Some(
        code.render::<unicode::Dense1x2>()
            .dark_color(unicode::Dense1x2::Light)
            .light_color(unicode::Dense1x2::Dark)
            .build(),
    )
}
