//! What can't be understood costs nobody else its place; what can't be read costs the request.

use keiki_decode::otlp::{
    Attributes, Decoder, Encoding, Error, ExponentialPoint, HistogramPoint, Metric, MetricVisitor, NumberPoint, Reason,
    Resource, Scope, Span, SpanVisitor, SummaryPoint,
};
use keiki_decode::wire::Fault;

/// Counts what it is handed, and keeps why it is not.
#[derive(Default)]
struct Reasons {
    points: u64,
    rejected: Vec<(String, Reason, u64)>,
}

impl MetricVisitor for Reasons {
    type Key = ();

    fn resource(&mut self, _resource: &Resource<'_>) {}
    fn scope(&mut self, _scope: &Scope<'_>) {}
    fn metric(&mut self, _metric: &Metric<'_>) {}

    fn known(&mut self, _raw: &[u8]) -> Option<()> {
        None
    }

    fn declare(&mut self, _attributes: Attributes<'_>, _raw: &[u8]) {}

    fn number(&mut self, (): (), _point: &NumberPoint) {
        self.points += 1;
    }

    fn histogram(&mut self, (): (), _point: &HistogramPoint<'_>) {
        self.points += 1;
    }

    fn exponential(&mut self, (): (), _point: &ExponentialPoint<'_>) {
        self.points += 1;
    }

    fn summary(&mut self, (): (), _point: &SummaryPoint<'_>) {
        self.points += 1;
    }

    fn rejected(&mut self, metric: &str, reason: Reason, points: u64) {
        self.rejected.push((metric.into(), reason, points));
    }
}

impl SpanVisitor for Reasons {
    fn resource(&mut self, _resource: &Resource<'_>) {}
    fn scope(&mut self, _scope: &Scope<'_>) {}

    fn span(&mut self, _span: &Span<'_>) {
        self.points += 1;
    }

    fn rejected(&mut self, reason: Reason) {
        self.rejected.push((String::new(), reason, 1));
    }
}

fn field(number: u32, value: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    prost::encoding::encode_varint(u64::from(number) << 3 | 2, &mut out);
    prost::encoding::encode_varint(value.len() as u64, &mut out);
    out.extend_from_slice(value);
    out
}

fn fixed(number: u8, value: u64) -> Vec<u8> {
    [&[number << 3 | 1][..], &value.to_le_bytes()].concat()
}

/// A good point of a gauge.
fn good() -> Vec<u8> {
    field(1, &[fixed(3, 9), fixed(4, 1.5_f64.to_bits())].concat())
}

fn metric(data: u32, points: &[u8]) -> Vec<u8> {
    field(2, &[field(1, b"m"), field(data, points)].concat())
}

fn request(parts: &[Vec<u8>]) -> Vec<u8> {
    field(1, &field(2, &parts.concat()))
}

fn read(body: &[u8]) -> Result<Reasons, Error> {
    let mut reasons = Reasons::default();
    let decoded = Decoder::default().metrics(Encoding::Protobuf, body, &mut reasons)?;
    assert_eq!(decoded.accepted, reasons.points);
    assert_eq!(decoded.rejected, reasons.rejected.iter().map(|one| one.2).sum::<u64>());
    Ok(reasons)
}

/// The bad one stands between two good ones.
#[track_caller]
fn rejected(data: u32, point: &[u8], reason: Reason) {
    // Cumulative, which a gauge does not look at.
    let points = [field(1, point), vec![0x10, 2]].concat();
    let gauge = || metric(5, &good());
    let reasons = read(&request(&[gauge(), metric(data, &points), gauge()])).expect("a request");
    assert_eq!(
        (reasons.points, &*reasons.rejected),
        (2, &[("m".into(), reason, 1)][..])
    );
}

#[test]
fn a_bad_point_costs_only_itself() {
    let time = fixed(3, 9);
    let value = fixed(4, 1);
    rejected(5, &value, Reason::NoTime);
    rejected(5, &time, Reason::NoValue);
    let attribute = field(7, &field(1, &[0xff]));
    rejected(5, &[&*time, &value, &attribute].concat(), Reason::Utf8);
    let mut deep = Vec::new();
    (0..20).for_each(|_| deep = field(5, &field(1, &deep)));
    let attribute = field(7, &field(2, &deep));
    rejected(5, &[&*time, &value, &attribute].concat(), Reason::Depth);

    let numbers = |number: u32, values: &[f64]| {
        let bytes: Vec<_> = values.iter().flat_map(|value| value.to_bits().to_le_bytes()).collect();
        field(number, &bytes)
    };
    rejected(9, &[&*time, &numbers(6, &[0.0; 2])].concat(), Reason::Buckets);
    rejected(9, &[&*time, &numbers(7, &[1.0])].concat(), Reason::Buckets);
    let bounds = |values: &[f64]| [&*time, &numbers(6, &[0.0; 3]), &numbers(7, values)].concat();
    rejected(9, &bounds(&[2.0, 1.0]), Reason::Bounds);
    rejected(9, &bounds(&[1.0, 1.0]), Reason::Bounds);
    rejected(9, &bounds(&[1.0, f64::INFINITY]), Reason::Bounds);
    rejected(9, &bounds(&[f64::NAN, 1.0]), Reason::Bounds);
    rejected(9, &[&*time, &numbers(6, &[0.0; 20_000])].concat(), Reason::TooMany);

    rejected(10, &[&*time, &[6 << 3, 42]].concat(), Reason::Scale);
    rejected(
        10,
        &[&*time, &field(8, &field(2, &[1; 20_000]))].concat(),
        Reason::TooMany,
    );
    let highest = [&[8][..], &[0xfe, 0xff, 0xff, 0xff, 0x0f], &field(2, &[1, 1])].concat();
    rejected(10, &[&*time, &field(9, &highest)].concat(), Reason::Scale);

    let quantile = field(6, &fixed(1, 1.5_f64.to_bits()));
    rejected(11, &[&*time, &quantile].concat(), Reason::Quantile);
    let quantile = field(6, &fixed(1, f64::NAN.to_bits()));
    rejected(11, &[&*time, &quantile].concat(), Reason::Quantile);
}

#[test]
fn what_a_metric_lacks_costs_its_points() {
    let three = [good(), good(), good()].concat();
    let reasons = read(&request(&[metric(7, &three), metric(5, &three)])).expect("a request");
    assert_eq!(
        (reasons.points, &*reasons.rejected),
        (3, &[("m".into(), Reason::Temporality, 3)][..])
    );
    let unnamed = field(2, &field(5, &three));
    let misnamed = field(2, &[field(1, &[b'x', 0xff]), field(5, &three)].concat());
    let reasons = read(&request(&[unnamed, misnamed])).expect("a request");
    let expected = [
        (String::new(), Reason::NoName, 3),
        ("x\u{fffd}".into(), Reason::Utf8, 3),
    ];
    assert_eq!(reasons.rejected, expected);
}

#[test]
fn what_a_scope_or_a_resource_lacks_costs_what_is_in_it() {
    let metric = metric(5, &good());
    let bad_scope = [metric.clone(), field(1, &field(1, &[0xff]))].concat();
    let scopes = [field(2, &bad_scope), field(2, &metric)].concat();
    let reasons = read(&field(1, &scopes)).expect("a request");
    assert_eq!(
        (reasons.points, &*reasons.rejected),
        (1, &[("m".into(), Reason::Utf8, 1)][..])
    );
    let resource = field(1, &field(1, &field(1, &[0xff])));
    let reasons = read(&field(1, &[scopes, resource].concat())).expect("a request");
    assert_eq!((reasons.points, reasons.rejected.len()), (0, 2));
}

#[test]
fn packed_numbers_may_also_stand_alone() {
    let point = [fixed(3, 9), fixed(6, 1), fixed(6, 2), fixed(7, 0)].concat();
    let body = request(&[metric(9, &[field(1, &point), vec![0x10, 1]].concat())]);
    assert_eq!(read(&body).expect("a request").points, 1);
}

#[test]
fn what_cannot_be_read_costs_the_request() {
    let fault = |body: &[u8]| match read(body) {
        Err(Error::Wire(error)) => (error.message, error.fault),
        _ => panic!("it was read"),
    };
    // Two kinds of points in one metric: one of them would be lost.
    let both = field(2, &[field(1, b"m"), field(5, &good()), field(7, &good())].concat());
    assert_eq!(fault(&request(&[both])), ("Metric", Fault::Twice));
    assert_eq!(
        fault(&field(1, &[field(1, b""), field(1, b"")].concat())),
        ("ResourceMetrics", Fault::Twice)
    );
    let group = field(1, &[0x0b]);
    assert_eq!(
        fault(&request(&[metric(5, &group)])),
        ("NumberDataPoint", Fault::WireType)
    );
    let short = field(1, &[0x19, 1, 2]);
    assert_eq!(
        fault(&request(&[metric(5, &short)])),
        ("NumberDataPoint", Fault::Truncated)
    );
    let other = field(1, &[0x18, 1]);
    assert_eq!(
        fault(&request(&[metric(5, &other)])),
        ("NumberDataPoint", Fault::OtherType)
    );
    let attribute = field(1, &[&*fixed(3, 9), &fixed(4, 1), &field(7, &[0x0a, 9])].concat());
    assert_eq!(
        fault(&request(&[metric(5, &attribute)])),
        ("KeyValue", Fault::Truncated)
    );
}

#[test]
fn a_bad_span_costs_only_itself() {
    let ids = |trace: &[u8], span: &[u8]| [field(1, trace), field(2, span)].concat();
    let times = [fixed(7, 5), fixed(8, 9)].concat();
    let good = [ids(&[1; 16], &[1; 8]), times.clone()].concat();
    let check = |bad: Vec<u8>, reason| {
        let spans = [field(2, &good), field(2, &bad), field(2, &good)].concat();
        let mut reasons = Reasons::default();
        Decoder::default()
            .traces(Encoding::Protobuf, &field(1, &field(2, &spans)), &mut reasons)
            .expect("a request");
        assert_eq!(
            (reasons.points, &*reasons.rejected),
            (2, &[(String::new(), reason, 1)][..])
        );
    };
    check(ids(&[1; 16], &[1; 8]), Reason::NoTime);
    check([ids(&[0; 16], &[1; 8]), times.clone()].concat(), Reason::TraceId);
    check([ids(&[1; 15], &[1; 8]), times.clone()].concat(), Reason::TraceId);
    check([ids(&[1; 16], &[0; 8]), times.clone()].concat(), Reason::SpanId);
    check([good.clone(), field(4, &[1; 7])].concat(), Reason::SpanId);
    check([good.clone(), field(5, &[0xff])].concat(), Reason::Utf8);
    check([good.clone(), field(15, &field(2, &[0xff]))].concat(), Reason::Utf8);
}

#[test]
fn every_reason_has_its_own_words() {
    let all = |word: fn(&Reason) -> String| Reason::ALL.iter().map(word).collect::<std::collections::BTreeSet<_>>();
    assert_eq!(all(|reason| reason.as_str().into()).len(), Reason::ALL.len());
    assert_eq!(all(Reason::to_string).len(), Reason::ALL.len());
}
