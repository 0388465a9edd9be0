//! Colours, spacing and type sizes of both themes: the only place with raw colours, but for those of series, which
//! pictures share (`core::chart::colours`).

use eframe::egui::{
    Color32, Context, CornerRadius, FontFamily, FontId, Margin, Stroke, Style, TextStyle, Theme, Vec2, Visuals,
};

use crate::core::chart::colours;

/// Colours by meaning.
#[derive(Clone, Copy, Debug)]
pub struct Palette {
    /// Ordinary text.
    pub text: Color32,
    /// Less important text; still at least 4.5:1 on every ground.
    pub weak: Color32,
    /// Selection, the key patch, what is running.
    pub accent: Color32,
    /// A patch that is part of a distilled image; checks that passed.
    pub good: Color32,
    /// Warnings.
    pub warn: Color32,
    /// Errors.
    pub bad: Color32,
    /// Boxes of the crops that are not the key patch.
    pub quiet_box: Color32,
    /// Ground of a picture that is not there yet, and of bars.
    pub well: Color32,
    /// Ground of panels.
    pub ground: Color32,
    /// Ground of bars, tabs and headings.
    pub raised: Color32,
    /// Lines between parts.
    pub line: Color32,
    /// Curves, by number; the same hues in both themes.
    pub curves: [Color32; 8],
    /// Outline of buttons and check boxes.
    edge: Color32,
    /// Ground of a hovered control.
    hover: Color32,
    /// Ground of selected text and items.
    selected: Color32,
}

const fn shades(series: &[[u8; 3]; 8]) -> [Color32; 8] {
    let mut shades = [Color32::BLACK; 8];
    let mut at = 0;
    while at < shades.len() {
        let [r, g, b] = series[at];
        shades[at] = Color32::from_rgb(r, g, b);
        at += 1;
    }
    shades
}

const DARK: Palette = Palette {
    text: Color32::from_rgb(222, 225, 230),
    weak: Color32::from_rgb(150, 157, 168),
    accent: Color32::from_rgb(255, 179, 71),
    good: Color32::from_rgb(104, 196, 140),
    warn: Color32::from_rgb(236, 196, 92),
    bad: Color32::from_rgb(240, 118, 112),
    quiet_box: Color32::from_rgb(120, 190, 235),
    well: Color32::from_rgb(20, 22, 25),
    ground: Color32::from_rgb(30, 33, 37),
    raised: Color32::from_rgb(41, 45, 51),
    line: Color32::from_rgb(56, 61, 69),
    curves: shades(&colours::ON_DARK),
    edge: Color32::from_rgb(84, 91, 102),
    hover: Color32::from_rgb(62, 68, 77),
    selected: Color32::from_rgb(45, 82, 122),
};

const LIGHT: Palette = Palette {
    text: Color32::from_rgb(32, 36, 42),
    weak: Color32::from_rgb(92, 99, 109),
    accent: Color32::from_rgb(160, 76, 0),
    good: Color32::from_rgb(16, 108, 58),
    warn: Color32::from_rgb(124, 85, 0),
    bad: Color32::from_rgb(184, 36, 32),
    quiet_box: Color32::from_rgb(20, 110, 170),
    well: Color32::from_rgb(226, 229, 233),
    ground: Color32::from_rgb(250, 250, 251),
    raised: Color32::from_rgb(238, 240, 243),
    line: Color32::from_rgb(206, 211, 217),
    curves: shades(&colours::ON_LIGHT),
    edge: Color32::from_rgb(166, 173, 183),
    hover: Color32::from_rgb(222, 227, 233),
    selected: Color32::from_rgb(190, 216, 243),
};

/// The colours of the theme in use.
#[must_use]
pub fn palette(visuals: &Visuals) -> &'static Palette {
    if visuals.dark_mode { &DARK } else { &LIGHT }
}

/// egui's name of a theme.
#[must_use]
pub fn of(theme: crate::core::workspace::Theme) -> eframe::egui::Theme {
    match theme {
        crate::core::workspace::Theme::Dark => eframe::egui::Theme::Dark,
        crate::core::workspace::Theme::Light => eframe::egui::Theme::Light,
    }
}

/// Sets both themes' styles.
pub fn install(ctx: &Context) {
    for (theme, palette) in [(Theme::Dark, &DARK), (Theme::Light, &LIGHT)] {
        ctx.style_mut_of(theme, |style| dress(style, palette));
    }
}

fn dress(style: &mut Style, p: &Palette) {
    let sized = |size| FontId::new(size, FontFamily::Proportional);
    style.text_styles.insert(TextStyle::Small, sized(11.5));
    style.text_styles.insert(TextStyle::Body, sized(13.5));
    style.text_styles.insert(TextStyle::Button, sized(13.5));
    style.text_styles.insert(TextStyle::Heading, sized(16.0));
    style.text_styles.insert(TextStyle::Monospace, FontId::new(12.5, FontFamily::Monospace));
    style.spacing.item_spacing = Vec2::new(6.0, 5.0);
    style.spacing.button_padding = Vec2::new(8.0, 3.0);
    style.spacing.interact_size.y = 22.0;
    style.spacing.menu_margin = Margin::same(6);
    style.spacing.scroll.floating = false;
    style.spacing.scroll.bar_width = 8.0;
    // Handles in the colour of controls, not of text: they are many, and not what one looks at.
    style.spacing.scroll.foreground_color = false;
    let v = &mut style.visuals;
    v.panel_fill = p.ground;
    v.window_fill = p.raised;
    v.window_stroke = Stroke::new(1.0, p.line);
    v.extreme_bg_color = p.well;
    v.faint_bg_color = p.raised;
    v.code_bg_color = p.well;
    v.override_text_color = None;
    v.weak_text_color = Some(p.weak);
    v.hyperlink_color = p.quiet_box;
    v.warn_fg_color = p.warn;
    v.error_fg_color = p.bad;
    v.selection.bg_fill = p.selected;
    v.selection.stroke = Stroke::new(1.0, p.text);
    v.slider_trailing_fill = true;
    v.window_corner_radius = CornerRadius::same(6);
    let radius = CornerRadius::same(3);
    let states = [
        (&mut v.widgets.noninteractive, p.ground, p.line),
        (&mut v.widgets.inactive, p.raised, p.edge),
        (&mut v.widgets.hovered, p.hover, p.weak),
        (&mut v.widgets.active, p.hover, p.accent),
        (&mut v.widgets.open, p.raised, p.line),
    ];
    for (widget, fill, line) in states {
        widget.bg_fill = fill;
        widget.weak_bg_fill = fill;
        widget.bg_stroke = Stroke::new(1.0, line);
        widget.fg_stroke = Stroke::new(1.0, p.text);
        widget.corner_radius = radius;
        widget.expansion = 0.0;
    }
    // Rails and check boxes need to stand out from the panel.
    v.widgets.inactive.bg_fill = p.line;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance of sRGB (WCAG 2.1).
    fn luminance(c: Color32) -> f64 {
        let linear = |v: u8| {
            let v = f64::from(v) / 255.0;
            if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(c.r()) + 0.7152 * linear(c.g()) + 0.0722 * linear(c.b())
    }

    /// 3:1 is what WCAG asks of graphics.
    #[test]
    fn every_curve_stands_out_from_its_ground() {
        for p in [DARK, LIGHT] {
            for (a, b) in p.curves.iter().map(|c| (luminance(*c), luminance(p.well))) {
                assert!((a.max(b) + 0.05) / (a.min(b) + 0.05) >= 3.0);
            }
        }
    }

    #[test]
    fn every_text_colour_can_be_read_on_every_ground() {
        for p in [DARK, LIGHT] {
            for text in [p.text, p.weak, p.accent, p.good, p.warn, p.bad] {
                for ground in [p.ground, p.raised, p.well] {
                    let (a, b) = (luminance(text), luminance(ground));
                    let contrast = (a.max(b) + 0.05) / (a.min(b) + 0.05);
                    assert!(contrast >= 4.5, "{text:?} on {ground:?}: {contrast:.2}");
                }
            }
        }
    }
}
