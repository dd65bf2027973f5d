//! Colour, where it is wanted: `--color`, then `NO_COLOR`, then whether somebody is looking.

use std::fmt;

use anstyle::{AnsiColor, Color, Style};

use crate::environment::Environment;

/// `--color`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ColourChoice {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Paints one stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Painter {
    on: bool,
}

impl Painter {
    /// By the choice, the environment, and whether the stream is a terminal.
    pub(crate) fn new(choice: ColourChoice, terminal: bool, env: &Environment) -> Self {
        let on = match choice {
            ColourChoice::Always => true,
            ColourChoice::Never => false,
            ColourChoice::Auto => {
                terminal && env.text("NO_COLOR").is_none() && env.text("TERM").as_deref() != Some("dumb")
            }
        };
        Self { on }
    }

    /// Whether it paints at all.
    pub(crate) fn is_on(self) -> bool {
        self.on
    }

    /// In that style.
    pub(crate) fn paint(self, style: Style, text: impl fmt::Display) -> String {
        if self.on { format!("{style}{text}{style:#}") } else { text.to_string() }
    }

    /// Well.
    pub(crate) fn green(self, text: impl fmt::Display) -> String {
        self.paint(colour(AnsiColor::Green), text)
    }

    /// Not quite well.
    pub(crate) fn yellow(self, text: impl fmt::Display) -> String {
        self.paint(colour(AnsiColor::Yellow), text)
    }

    /// Somebody must do something.
    pub(crate) fn red(self, text: impl fmt::Display) -> String {
        self.paint(colour(AnsiColor::Red), text)
    }

    /// Less important.
    pub(crate) fn dim(self, text: impl fmt::Display) -> String {
        self.paint(Style::new().dimmed(), text)
    }

    /// More important.
    pub(crate) fn bold(self, text: impl fmt::Display) -> String {
        self.paint(Style::new().bold(), text)
    }
}

const fn colour(colour: AnsiColor) -> Style {
    Style::new().fg_color(Some(Color::Ansi(colour)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_is_over_no_color_which_is_over_the_terminal() {
        let (plain, no_color) = (Environment::default(), Environment::of(&[("NO_COLOR", "1")]));
        for (choice, terminal, env, on) in [
            (ColourChoice::Auto, true, &plain, true),
            (ColourChoice::Auto, false, &plain, false),
            (ColourChoice::Auto, true, &no_color, false),
            (ColourChoice::Always, false, &no_color, true),
            (ColourChoice::Never, true, &plain, false),
        ] {
            assert_eq!(Painter::new(choice, terminal, env).is_on(), on);
        }
        assert_eq!(Painter { on: false }.red("x"), "x");
        assert!(Painter { on: true }.red("x").starts_with('\u{1b}'));
    }
}
