use super::*;

fn canonical(query: &str) -> String {
    match PageRequest::new(Subject::Group(Group::Api), Language::Ja, "/ops").read(query) {
        Ok(request) => request.href(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn defaults_are_left_out_and_values_sorted() {
    assert_eq!(canonical(""), "/ops/groups/api");
    assert_eq!(
        canonical("window=5m&theme=auto&utm_source=x&token=y"),
        "/ops/groups/api"
    );
    assert_eq!(
        canonical("theme=dark&service=b&service=a%26c&host=h+1&window=1m&lang=ja&sort=-p99"),
        "/ops/groups/api?window=1m&service=a%26c&service=b&host=h%201&lang=ja&theme=dark&sort=-p99"
    );
}

#[test]
fn the_canonical_form_reads_back_as_itself() {
    for query in [
        "",
        "window=15m",
        "window=90d",
        "from=1763800000000&to=1763803600000",
        "lang=en&theme=light&sort=name",
        "service=%E8%A8%88&host=x",
    ] {
        reads_back(
            &PageRequest::new(Subject::Overview, Language::En, "")
                .read(query)
                .unwrap(),
        );
    }
    for query in ["", "rotate=20&lang=en", "groups=queue,api,queue&theme=dark"] {
        reads_back(&PageRequest::wall(Language::En, "").read(query).unwrap());
    }
    let panel = PageRequest::new(Subject::Panel("api.latency".to_owned()), Language::En, "/ops");
    reads_back(&panel.read("ground=transparent&window=1m").unwrap());
}

fn reads_back(request: &PageRequest) {
    let query = request.query_string();
    let bare = PageRequest {
        wall: request.wall.as_ref().map(|_| Wall::default()),
        ..PageRequest::new(request.subject.clone(), Language::En, &request.base)
    };
    assert_eq!(bare.read(query.trim_start_matches('?')).as_ref(), Ok(request));
    let json = serde_json::to_string(request).unwrap();
    assert_eq!(&serde_json::from_str::<PageRequest>(&json).unwrap(), request, "{json}");
}

#[test]
fn a_wall_has_its_own_address_and_parameters() {
    let wall = |query: &str| match PageRequest::wall(Language::Ja, "/ops").read(query) {
        Ok(request) => request.href(),
        Err(error) => error.to_string(),
    };
    assert_eq!(wall(""), "/ops/kiosk");
    assert_eq!(
        wall("rotate=20&groups=queue,api,queue"),
        "/ops/kiosk?groups=queue,api&rotate=20"
    );
    for bad in ["groups=", "groups=api,x", "rotate=0", "rotate=3601", "rotate=x"] {
        let name = bad.split('=').next().unwrap();
        assert!(wall(bad).starts_with(&format!("bad value of {name}:")), "{bad}");
    }
    // Of another page they are none.
    assert_eq!(canonical("rotate=x&groups=x&ground=x"), "/ops/groups/api");
    let panel = |query: &str| PageRequest::new(Subject::Panel("api.latency".to_owned()), Language::Ja, "").read(query);
    assert_eq!(
        panel("ground=transparent").unwrap().href(),
        "/embed/api.latency?ground=transparent"
    );
    assert!(panel("ground=blue").is_err());
}

#[test]
fn a_stretch_of_the_past_has_two_ends() {
    let request =
        PageRequest::new(Subject::Overview, Language::En, "").read("to=1763803600500&from=1763800000500&window=1m");
    let request = request.unwrap();
    assert_eq!(request.href(), "/?from=1763800000500&to=1763803600500");
    assert_eq!(request.view().to_string(), "overview@5/3600;until=1763803605000");
    assert!(canonical("from=1&to=9000").starts_with("bad value of from: write a time from 10 seconds"));
    assert!(canonical("from=1763800000000&to=1863800000000").starts_with("bad value of from:"));
    assert!(canonical("to=soon").starts_with("bad value of to:"));
    // A time before now is a window that ended then.
    assert_eq!(
        canonical("to=1763803600000"),
        "/ops/groups/api?from=1763803300000&to=1763803600000"
    );
}

#[test]
fn a_bad_value_is_named() {
    for bad in [
        "window=7m",
        "lang=fr",
        "theme=blue",
        "sort=p12",
        "service=",
        "host=%zz",
        "window",
    ] {
        let name = bad.split('=').next().unwrap();
        assert!(
            canonical(bad).starts_with(&format!("bad value of {name}:")),
            "{bad}: {}",
            canonical(bad)
        );
    }
    let many: Vec<_> = (0..40).map(|n| format!("host=h{n}")).collect();
    assert!(canonical(&many.join("&")).starts_with("bad value of service"));
}
