//! The golden vectors of frames, read on the server and in WASM (`make test` runs this file on both).

use keiki_model::frame::{Delta, Folded, Snapshot};
use serde_json::Value;

#[cfg_attr(target_family = "wasm", wasm_bindgen_test::wasm_bindgen_test)]
#[cfg_attr(not(target_family = "wasm"), test)]
fn frames_fold_as_the_vectors_say() {
    let golden: Value = serde_json::from_str(include_str!("../golden/frame.json")).expect("JSON");
    let mut state: Snapshot = serde_json::from_value(golden["snapshot"].clone()).expect("a snapshot");
    assert_eq!(
        serde_json::to_value(&state).expect("plain data"),
        golden["snapshot"],
        "the wire form is fixed"
    );
    for step in golden["steps"].as_array().expect("steps") {
        let about = step["about"].as_str().expect("a sentence");
        let delta: Delta = serde_json::from_value(step["delta"].clone()).expect(about);
        assert_eq!(
            serde_json::to_value(&delta).expect("plain data"),
            step["delta"],
            "the wire form is fixed: {about}"
        );
        let before = state.clone();
        assert_eq!(state.fold(delta), Folded::Applied, "{about}");

        let panel = &state.panels[0];
        let series: Vec<_> = panel
            .series
            .iter()
            .map(|series| serde_json::json!([series.labels.get("http_response_status_class"), series.points]))
            .collect();
        assert_eq!(Value::from(series), step["series"], "{about}");
        let stats: Vec<_> = panel.stats.iter().map(|stat| stat.value).collect();
        assert_eq!(serde_json::json!(stats), step["stats"], "{about}");
        assert_eq!(panel.state.as_str(), step["state"], "{about}");
        assert_eq!(panel.to, step["to"], "{about}");
        assert_eq!(serde_json::json!(panel.newest), step["newest"], "{about}");

        // What the server would send for this change folds to the same.
        let made = Delta::between(&before, &state).expect(about);
        let mut again = before;
        assert_eq!(again.fold(made), Folded::Applied);
        assert_eq!(again, state, "{about}");
    }
}
