//! What it costs to say what answered, whose it is and whether that is as documented.
//!
//! ```text
//! cargo bench --profile dist --bench identify
//! ```
//!
//! Measures the CPU time (user and system) of one thread over many rounds, on observations from probes of
//! simulated servers. The smallest repetition counts. It fails above the limit.

use std::hint::black_box;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use cpu_time::ThreadTime;
use kubeknock::config::ScanConfig;
use kubeknock::internal::{
    Connector, Dial, Dialled, Prober, Round, advise, assess, identify, prepare,
};
use kubeknock::model::{Endpoint, Observation, Scheme};
use kubeknock::simulator;

/// The allocator of the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Microseconds of CPU per endpoint, and per endpoint of a `--deep` probe.
const LIMIT: f64 = 10.0;
const DEEP_LIMIT: f64 = 20.0;
const REPETITIONS: usize = 5;
const ROUNDS: u32 = 20_000;

/// Servers that reveal little, the usual, and much.
const SERVERS: [(&str, &str, bool); 5] = [
    ("rejecting", "", false),
    ("default", "", false),
    (
        "health-only",
        "a42c0404a862c06b0e9998c1ec42d7e1.gr7.ap-northeast-2.eks.amazonaws.com",
        false,
    ),
    ("web-server", "www.example.com", false),
    (
        "openshift-custom-certificate",
        "api.build01.example.com",
        true,
    ),
];

/// Dials like a scan.
struct Dialer(Connector);

impl Dial for Dialer {
    async fn dial(&self, endpoint: &Endpoint) -> Dialled {
        let began = Instant::now();
        let stream = self.0.connect(&endpoint.host, endpoint.port).await;
        Dialled {
            stream,
            took: began.elapsed(),
        }
    }
}

async fn observe(scenario: &str, name: &str, deep: bool) -> Observation {
    let scenario = simulator::scenario(scenario).expect("a scenario");
    let server = simulator::start(scenario, "127.0.0.1:0".parse().expect("an address"))
        .await
        .expect("a server");
    let config = ScanConfig::default().with(|config| config.deep = deep);
    let endpoint = Endpoint {
        scheme: Scheme::Https,
        host: kubeknock::model::Host::Ip(server.address().ip()),
        port: server.address().port(),
        name: (!name.is_empty()).then(|| Arc::from(name)),
        prefix: Arc::from(""),
    };
    let dialer = Dialer(Connector::new(&config));
    let stream = dialer.dial(&endpoint).await.stream.expect("a connection");
    Prober::new(&config)
        .expect("a prober")
        .probe(stream, &endpoint, Round::First, &dialer)
        .await
}

/// Microseconds per call.
fn cost(observation: &Observation) -> f64 {
    let assessment = assess(observation, &identify(observation));
    let once = || {
        let began = ThreadTime::now();
        for _ in 0..ROUNDS {
            let identification = identify(black_box(observation));
            black_box(advise(
                &identification,
                &assessment,
                &observation.not_asked,
                None,
                None,
            ));
        }
        began.elapsed().as_secs_f64() * 1e6 / f64::from(ROUNDS)
    };
    (0..REPETITIONS)
        .map(|_| once())
        .fold(f64::INFINITY, f64::min)
}

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    prepare();
    let mut holds = true;
    println!(
        "{:32} {:>10} {:>8}",
        "identification, posture, remedy", "us", "limit"
    );
    for (scenario, name, deep) in SERVERS {
        let observation = runtime.block_on(observe(scenario, name, deep));
        let cost = cost(&observation);
        let limit = if deep { DEEP_LIMIT } else { LIMIT };
        let verdict = if cost <= limit { "holds" } else { "BROKEN" };
        holds &= cost <= limit;
        println!("{scenario:32} {cost:>10.2} {limit:>8} {verdict}");
    }
    if holds {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
