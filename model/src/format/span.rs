//! Ages and durations in words.

use crate::format::fixed;
use crate::text::Language;
use crate::time::{Millis, SECOND};

/// How old something is: `0.4 s ago`, `0.4秒前`; whole seconds from ten on, then minutes, hours and days.
pub fn age(milliseconds: Millis, language: Language) -> String {
    let milliseconds = milliseconds.max(0);
    #[allow(clippy::cast_precision_loss, reason = "an age is far below 2^53 milliseconds")]
    let (number, word) = match milliseconds / SECOND {
        0..10 => (fixed((milliseconds / 100) as f64 / 10.0, 1), 0),
        seconds @ 10..60 => (seconds.to_string(), 0),
        seconds @ 60..3_600 => ((seconds / 60).to_string(), 1),
        seconds @ 3_600..86_400 => ((seconds / 3_600).to_string(), 2),
        seconds => ((seconds / 86_400).to_string(), 3),
    };
    match language {
        Language::En => [number.as_str(), " ", EN[word], " ago"].concat(),
        Language::Ja => [number.as_str(), JA[word], "前"].concat(),
    }
}

const EN: [&str; 4] = ["s", "min", "h", "d"];
const JA: [&str; 4] = ["秒", "分", "時間", "日"];

/// How long something lasts, in its two largest units: `27 s`, `1 min 12 s`, `1分12秒`.
pub fn duration(milliseconds: Millis, language: Language) -> String {
    let seconds = (milliseconds.max(0) + SECOND / 2) / SECOND;
    let parts = [seconds % 60, seconds / 60 % 60, seconds / 3_600 % 24, seconds / 86_400];
    let largest = parts.iter().rposition(|part| *part > 0).unwrap_or(0);
    let mut text = String::new();
    for place in [Some(largest), largest.checked_sub(1)].into_iter().flatten() {
        if parts[place] == 0 && place != largest {
            continue;
        }
        let number = parts[place].to_string();
        match language {
            Language::En => {
                if !text.is_empty() {
                    text.push(' ');
                }
                text.push_str(&number);
                text.push(' ');
                text.push_str(EN[place]);
            }
            Language::Ja => {
                text.push_str(&number);
                text.push_str(JA[place]);
            }
        }
    }
    text
}
