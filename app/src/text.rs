//! The texts of the interface, Japanese and English side by side: a missing one does not compile.
//!
//! Texts that belong to the data (titles, labels, help) come with the panels. Japanese puts no space between a figure
//! and its counter; the browser's `text-autospace` sets the distance.

use keiki_model::format;
use keiki_model::panel::{Failure, State};
use keiki_model::target::Status;
use keiki_model::text::Language;
use keiki_model::time::{Millis, SECOND, Zone};

/// A fixed text in Japanese and English.
#[derive(Clone, Copy, Debug)]
pub struct Message(&'static str, &'static str);

impl Message {
    /// The text in a language.
    pub fn get(self, language: Language) -> &'static str {
        match language {
            Language::Ja => self.0,
            Language::En => self.1,
        }
    }
}

macro_rules! messages {
    ($($(#[$doc:meta])* $name:ident = $ja:literal, $en:literal;)+) => {
        $($(#[$doc])* pub const $name: Message = Message($ja, $en);)+

        #[cfg(test)]
        const ALL: &[(&str, Message)] = &[$((stringify!($name), $name),)+];
    };
}

messages! {
    /// The product's name.
    KEIKI = "Keiki", "Keiki";
    /// The link past the strips.
    SKIP = "本文へ移動", "Skip to content";
    /// The first tab.
    OVERVIEW = "概要", "Overview";
    /// Names the group strip.
    GROUPS = "グループ", "Groups";
    /// Names the window switch.
    WINDOW = "表示期間", "Window";
    /// Names the language switch.
    LANGUAGE = "言語", "Language";
    /// Names the theme switch.
    THEME = "配色", "Theme";
    /// The system's theme.
    AUTO = "自動", "Auto";
    /// The light theme.
    LIGHT = "ライト", "Light";
    /// The dark theme.
    DARK = "ダーク", "Dark";
    /// The stream runs.
    LIVE = "ライブ", "Live";
    /// The stream is being opened.
    CONNECTING = "接続中", "Connecting";
    /// The stream is lost and is being reopened.
    RECONNECTING = "再接続中", "Reconnecting";
    /// Painting is stopped.
    PAUSED = "一時停止", "Paused";
    /// What the live button does.
    PAUSE = "更新を一時停止（スペースキー）", "Pause (Space)";
    /// What it does while paused.
    RESUME = "更新を再開（スペースキー）", "Go live (Space)";
    /// The banner of a lost stream.
    LOST = "接続が切れました。", "Connection lost.";
    /// The button that reconnects at once.
    TRY_NOW = "今すぐ再接続", "Try now";
    /// Said once when the stream is back.
    BACK = "接続が回復しました。", "Connected again.";
    /// State: the target is kept.
    NORMAL = "正常", "Normal";
    /// State: the target is missed.
    WARNING = "注意", "Warning";
    /// State: what is allowed is passed.
    CRITICAL = "異常", "Critical";
    /// State: the data are old.
    STALE = "更新停止", "Stale";
    /// State: what could feed it has not, in this time.
    NOTHING_CAME = "データなし", "No data";
    /// State: data that nobody judges come again.
    LIVE_AGAIN = "データが再び届いています", "Live again";
    /// State: nothing feeds it.
    NOT_SET_UP = "未設定", "Not set up";
    /// State: the source fails.
    ERROR = "エラー", "Error";
    /// Why a panel is not normal: one of its rows misses a target.
    IN_A_ROW = "表に目標を外れた行があります", "a row of the table misses its target";
    /// Why a card is not normal: a figure of its group that is not on it misses a target.
    ELSEWHERE = "このグループの別の指標が目標を外れています", "another figure of this group misses its target";
    /// Why a panel is stale.
    SILENT = "データが届いていません", "no new data";
    /// The data are Keiki's own.
    ITSELF = "Keiki 自身", "Keiki itself";
    /// Ends a login.
    LOG_OUT = "ログアウト", "Log out";
    /// At a group of which some source can't be read.
    LACKS = "一部のソースを取得できません", "lacks a source";
    /// Before a target.
    TARGET = "目標 ", "target ";
    /// A figure that nothing judges.
    NO_TARGET = "目標なし", "no target";
    /// A figure of this moment, not of the window.
    NOW = "現在", "now";
    /// Where there is no value.
    NONE = "—", "—";
    /// An empty panel's head.
    UNFED = "まだデータがありません。", "No source feeds this panel yet.";
    /// The table's column that judges a row.
    VERDICT = "目標との差", "Against target";
    /// The table's sparkline column.
    TREND = "推移", "Trend";
    /// A table without rows.
    NO_ROWS = "この期間には記録がありません。", "Nothing was recorded in this window.";
    /// A browser that can't draw, after it was tried.
    UNDRAWN = "このブラウザーではグラフを描けません。", "This browser can't draw the chart.";
    /// The page for walls.
    KIOSK = "キオスク", "Kiosk";
    /// Names the figures at the top of a group page.
    READOUT = "主な数値", "Headline figures";
    /// The series buttons beside a chart.
    KEYS = "系列の表示", "Series shown";
}

/// A state's word.
pub fn state(state: State, status: Option<Status>) -> Option<Message> {
    match (state, status) {
        (State::Stale, _) => Some(STALE),
        (State::Empty, _) => Some(NOT_SET_UP),
        (State::Error, _) => Some(ERROR),
        (State::Live, Some(Status::Ok)) => Some(NORMAL),
        (State::Live, Some(Status::Warn)) => Some(WARNING),
        (State::Live, Some(Status::Bad)) => Some(CRITICAL),
        (State::Live, None) => None,
    }
}

/// A word that holds of several groups.
pub fn times(word: &str, count: usize, language: Language) -> String {
    if count == 1 {
        return word.to_owned();
    }
    let count = count.to_string();
    match language {
        Language::Ja => [word, &count, "件"].concat(),
        Language::En => [word, " ×", &count].concat(),
    }
}

/// A window as its switch writes it.
pub fn window(seconds: u32, language: Language) -> String {
    let (unit, ja, en) = match seconds {
        ..3_600 => (60, "分", " m"),
        3_600..=86_400 => (3_600, "時間", " h"),
        _ => (86_400, "日", " d"),
    };
    let unit_name = if language == Language::Ja { ja } else { en };
    (seconds / unit).to_string() + unit_name
}

/// How often the figures change.
pub fn every(seconds: u32, language: Language) -> String {
    let seconds = seconds.to_string();
    match language {
        Language::Ja => seconds + "秒ごと",
        Language::En => ["every ", &seconds, " s"].concat(),
    }
}

/// How many sources are up.
pub fn sources((up, all): (u32, u32), language: Language) -> String {
    let (up, all) = (up.to_string(), all.to_string());
    match language {
        Language::Ja => ["収集元 ", &up, "/", &all].concat(),
        Language::En => [
            up.as_str(),
            " of ",
            &all,
            if all == "1" { " source" } else { " sources" },
        ]
        .concat(),
    }
}

/// Of which time something is, given its clock time.
pub fn as_of(clock: &str, language: Language) -> String {
    match language {
        Language::Ja => clock.to_owned() + " 時点",
        Language::En => "as of ".to_owned() + clock,
    }
}

/// Since when the data are old, and why that matters.
pub fn since(clock: &str, language: Language) -> String {
    match language {
        Language::Ja => [clock, " から", SILENT.0].concat(),
        Language::En => [SILENT.1, " since ", clock].concat(),
    }
}

/// What a missed target or limit means. `by` is the distance without its sign, or the limit itself.
pub fn reason(label: &str, by: &str, over: bool, limit: bool, language: Language) -> String {
    let parts: [&str; 4] = match (language, limit, over) {
        (Language::Ja, false, true) => [label, "が目標を", by, "超過"],
        (Language::Ja, false, false) => [label, "が目標を", by, "下回る"],
        (Language::Ja, true, true) => [label, "が上限 ", by, " を超過"],
        (Language::Ja, true, false) => [label, "が下限 ", by, " を下回る"],
        (Language::En, false, true) if by.is_empty() => [label, " is over target", "", ""],
        (Language::En, false, true) => [label, " is ", by, " over target"],
        (Language::En, false, false) => [label, " is ", by, " under target"],
        (Language::En, true, true) => [label, " is over its limit of ", by, ""],
        (Language::En, true, false) => [label, " is under its limit of ", by, ""],
    };
    parts.concat()
}

/// A change of state, as it is read aloud.
pub fn announcement(title: &str, word: &str, language: Language) -> String {
    match language {
        Language::Ja => [title, "：", word, "。"].concat(),
        Language::En => [title, ": ", word, "."].concat(),
    }
}

/// Which source is in error, and since when.
pub fn failed(failure: &Failure, zone: &Zone, now: Millis, language: Language) -> String {
    let source = &failure.source;
    match (language, failure.since.map(|since| zone.moment(since, now))) {
        (Language::Ja, None) => [source, " から取得できません。"].concat(),
        (Language::En, None) => [source, " can’t be read."].concat(),
        (Language::Ja, Some(since)) => [source, " から取得できません（", &since, " から）。"].concat(),
        (Language::En, Some(since)) => [source, " can’t be read (since ", &since, ")."].concat(),
    }
}

/// When it is tried again: after a time, or at a clock time.
pub fn retry(when: &str, language: Language) -> String {
    match language {
        Language::Ja => [when, "に再試行します。"].concat(),
        Language::En => ["Trying again ", when, "."].concat(),
    }
}

/// "in 8 s", as [`retry`] takes it.
pub fn after(length: Millis, language: Language) -> String {
    let length = format::duration((length / SECOND).max(1) * SECOND, language);
    match language {
        Language::Ja => length + "後",
        Language::En => "in ".to_owned() + &length,
    }
}

/// "at 14:07:03", as [`retry`] takes it.
pub fn at(clock: &str, language: Language) -> String {
    match language {
        Language::Ja => clock.to_owned() + " ",
        Language::En => "at ".to_owned() + clock,
    }
}

/// The second sentence of the banner of a lost stream.
pub fn figures_from(clock: &str, age: Millis, language: Language) -> String {
    let age = format::age(age, language);
    match language {
        Language::Ja => ["表示は ", clock, "（", &age, "）のものです。"].concat(),
        Language::En => ["Figures are from ", clock, ", ", &age, "."].concat(),
    }
}

/// What a table is sorted by, for its caption.
pub fn sorted(title: &str, column: &str, descending: bool, language: Language) -> String {
    let order = Message("降順", "descending").get(language);
    let order = if descending {
        order
    } else {
        Message("昇順", "ascending").get(language)
    };
    match language {
        Language::Ja => [title, "（", column, "の", order, "）"].concat(),
        Language::En => [title, ", sorted by ", column, ", ", order].concat(),
    }
}

/// The name of a chart for those who don't see it.
pub fn chart(title: &str, window: u32, language: Language) -> String {
    let length = self::window(window, language);
    match language {
        Language::Ja => [title, "、直近", &length].concat(),
        Language::En => [title, ", last ", &length].concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_message_is_blank() {
        for (name, message) in ALL {
            assert!(!message.0.trim().is_empty() && !message.1.trim().is_empty(), "{name}");
        }
    }

    #[test]
    fn a_retry_is_a_sentence() {
        assert_eq!(
            retry(&after(8_300, Language::Ja), Language::Ja),
            "8秒後に再試行します。"
        );
        assert_eq!(retry(&after(100, Language::En), Language::En), "Trying again in 1 s.");
        assert_eq!(
            retry(&at("14:07:03", Language::Ja), Language::Ja),
            "14:07:03 に再試行します。"
        );
    }
}
