//! Sends messages to the receivers of `--notify`.

use std::time::Duration;

use anyhow::{anyhow, ensure};
use jiff::Timestamp;
use kubeknock::report::Results;
use kubeknock::report::notification::alertmanager::{Alerts, OpenAlert, alerts};
use kubeknock::report::notification::{Notification, Receiver as Kind, body};
use reqwest::{Client, Response};

use super::message::{Message, Messages};
use super::receiver::Receiver;
use crate::args::{BaselineArg, NotifyArgs};
use crate::kept::{Kept, Told, Waiting};
use crate::{http, say};

/// The time limit of one request.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The pauses before a message is sent again.
const PAUSES: [Duration; 3] = [
    Duration::from_millis(500),
    Duration::from_millis(1500),
    Duration::from_millis(4500),
];
/// How often a message is sent after a scan.
pub(crate) const ATTEMPTS: usize = PAUSES.len() + 1;
/// The longest pause that a receiver may ask for.
const MAX_PAUSE: Duration = Duration::from_secs(30);
/// The `User-Agent` of the requests.
const USER_AGENT: &str = concat!(
    "kubeknock/",
    env!("CARGO_PKG_VERSION"),
    " (tells what changed)"
);

/// The receivers of `--notify`.
pub(crate) struct Notifier {
    receivers: Vec<Receiver>,
    /// Whether an undelivered message fails the program.
    pub(crate) required: bool,
    client: Client,
}

impl Notifier {
    /// Reads the destinations; `None` without any.
    pub(crate) fn open(
        args: &NotifyArgs,
        baseline: Option<&BaselineArg>,
    ) -> anyhow::Result<Option<Self>> {
        if args.notify.is_empty() {
            return Ok(None);
        }
        ensure!(
            baseline.is_some(),
            "--notify tells what changed since a baseline: add --baseline auto:DIR, which keeps the last report of a \
             scheduled scan in a folder, or --baseline REPORT with a saved report"
        );
        let mut receivers: Vec<Receiver> = Vec::new();
        for argument in &args.notify {
            let receiver = Receiver::open(argument)?;
            let mut known = receivers.iter();
            ensure!(
                known.all(|known| known.name != receiver.name),
                "--notify: the same {} is given twice",
                receiver.kind.as_str()
            );
            receivers.push(receiver);
        }
        Ok(Some(Self {
            receivers,
            required: args.notify_required,
            client: http::client(USER_AGENT, TIMEOUT, false)?,
        }))
    }

    /// The receivers, each with its kind and host.
    pub(crate) fn receivers(&self) -> &[Receiver] {
        &self.receivers
    }

    /// What to send after a scan. `told` are the alerts that are open at each Alertmanager; it becomes those that are open
    /// then. `initial` are those of an Alertmanager that is not in it.
    pub(crate) fn messages(
        &self,
        notification: &Notification<'_>,
        results: &Results<'_>,
        told: &mut Told,
        initial: &[OpenAlert],
    ) -> Messages {
        let mut messages = Messages::default();
        let message = |receiver: &Receiver, body| Message {
            receiver: receiver.name.clone(),
            id: notification.id(),
            body,
        };
        for receiver in &self.receivers {
            let news = if receiver.kind == Kind::Alertmanager {
                let known = told.get(&receiver.name).map_or(initial, Vec::as_slice);
                let now = Timestamp::now();
                let Alerts {
                    body,
                    again,
                    open,
                    left_out,
                } = alerts(notification, results, known, now);
                told.insert(receiver.name.clone(), open);
                (messages.again).extend(again.map(|body| message(receiver, body)));
                if left_out > 0 {
                    say::reason(format_args!(
                        "{receiver}: too many findings; the {left_out} least severe are no alerts"
                    ));
                }
                body
            } else if notification.news.is_empty() {
                None
            } else {
                body(notification, receiver.kind)
            };
            (messages.news).extend(news.map(|body| message(receiver, body)));
        }
        messages
    }

    /// Says which notifications wait in vain: for receivers that are not among `--notify` any more, because they were removed
    /// or have another name.
    ///
    /// # Errors
    /// There are some, and `--notify-required` was given.
    pub(crate) fn check_waiting(notifier: Option<&Self>, kept: &Kept) -> anyhow::Result<()> {
        let known = notifier.map_or(&[][..], |notifier| &notifier.receivers);
        let mut waiting = kept.waiting()?;
        waiting.retain(|waiting| {
            let receiver = &waiting.message.receiver;
            known.iter().all(|known| known.name != *receiver)
        });
        let Some(first) = waiting.first() else {
            return Ok(());
        };
        let text = format!(
            "{} for receivers that are not among --notify now: give --notify as before, or remove the files \
             notification-* of {}, such as {}",
            plural(waiting.len()),
            kept.folder.display(),
            first.path.display()
        );
        ensure!(!notifier.is_some_and(|notifier| notifier.required), text);
        say::reason(text);
        Ok(())
    }

    /// Sends everything that waits in the folder, the oldest first, each message up to `attempts` times. Says which receivers
    /// are away, and returns their names.
    pub(crate) async fn deliver_waiting(
        &self,
        kept: &Kept,
        attempts: usize,
    ) -> anyhow::Result<Vec<String>> {
        let mut away = Vec::new();
        let waiting = kept.waiting()?;
        for receiver in &self.receivers {
            let mut is_missed = false;
            let own = waiting
                .iter()
                .filter(|waiting| waiting.message.receiver == receiver.name);
            let mut waits = own.clone().count();
            let mut refused: Vec<(&Waiting, anyhow::Error)> = Vec::new();
            let mut problem = None;
            // A later message may take back an earlier one, so none overtakes another.
            for waiting in own {
                match self.send(receiver, &waiting.message, attempts).await {
                    Ok(()) => {
                        waits -= 1 + refused.len();
                        if let Some((_, error)) = refused.last() {
                            is_missed = true;
                            say::reason(format_args!(
                                "{receiver} refused {} and took a later one: {error:#}; what it refused is not sent again",
                                counted(refused.len())
                            ));
                        }
                        let dropped = refused.drain(..).map(|(refused, _)| refused);
                        dropped.chain([waiting]).try_for_each(Kept::delivered)?;
                    }
                    // People miss a message that can never be sent, and get those after it. An Alertmanager would have an
                    // alert open for years that was closed.
                    Err(failure)
                        if failure.is_of_message() && receiver.kind != Kind::Alertmanager =>
                    {
                        refused.push((waiting, failure.error));
                    }
                    Err(failure) => {
                        problem = Some(failure.error);
                        break;
                    }
                }
            }
            let problem = problem.or_else(|| refused.pop().map(|(_, error)| error));
            if let Some(error) = problem {
                is_missed = true;
                say::reason(format_args!(
                    "{receiver} was not notified: {error:#}; {} for it",
                    plural(waits)
                ));
            }
            if is_missed {
                away.push(receiver.name.clone());
            }
        }
        Ok(away)
    }

    /// Sends messages that nothing keeps. Says which receivers are away and what follows, and returns their names.
    pub(crate) async fn deliver<'a>(
        &self,
        messages: impl Iterator<Item = &'a Message>,
        consequence: &str,
    ) -> Vec<String> {
        let mut away = Vec::new();
        for message in messages {
            let mut receivers = self.receivers.iter();
            let Some(receiver) = receivers.find(|receiver| receiver.name == message.receiver)
            else {
                continue;
            };
            if let Err(failure) = self.send(receiver, message, ATTEMPTS).await {
                let error = failure.error;
                say::reason(format_args!(
                    "{receiver} was not notified: {error:#}; {consequence}"
                ));
                away.push(receiver.name.clone());
            }
        }
        away
    }

    /// Sends a message. An Alertmanager gets it in halves if it refuses the whole, which may be too large for a proxy before
    /// it.
    async fn send(
        &self,
        receiver: &Receiver,
        message: &Message,
        attempts: usize,
    ) -> Result<(), Failure> {
        let mut left = vec![message.body.clone()];
        while let Some(body) = left.pop() {
            let sent = self.send_body(receiver, &message.id, &body, attempts).await;
            let Err(failure) = sent else { continue };
            let is_divisible = failure.is_of_message() && receiver.kind == Kind::Alertmanager;
            let halves = is_divisible.then(|| halves(&body)).flatten();
            let Some([first, second]) = halves else {
                return Err(failure);
            };
            left.extend([second, first]);
        }
        Ok(())
    }

    async fn send_body(
        &self,
        receiver: &Receiver,
        id: &str,
        body: &str,
        attempts: usize,
    ) -> Result<(), Failure> {
        let mut attempt = 0;
        loop {
            let Err(failure) = self.post(receiver, id, body).await else {
                return Ok(());
            };
            attempt += 1;
            let Some(pause) = PAUSES
                .get(attempt - 1)
                .filter(|_| attempt < attempts && failure.cause == Cause::Temporary)
            else {
                return Err(failure);
            };
            let pause = failure.pause.unwrap_or_else(|| jittered(*pause));
            tokio::time::sleep(pause.min(MAX_PAUSE)).await;
        }
    }

    async fn post(&self, receiver: &Receiver, id: &str, body: &str) -> Result<(), Failure> {
        let request = (self.client.post(receiver.url.clone()))
            .header("Content-Type", "application/json")
            .header("Idempotency-Key", id)
            .body(body.to_owned());
        let answer = request.send().await;
        check(&answer.map_err(|error| Failure::temporary(http::reason(&error)))?)
    }
}

fn counted(messages: usize) -> String {
    match messages {
        1 => "1 notification".to_owned(),
        count => format!("{count} notifications"),
    }
}

fn plural(waiting: usize) -> String {
    let verb = if waiting == 1 { "waits" } else { "wait" };
    format!("{} {verb}", counted(waiting))
}

/// The alerts of a body in two bodies; `None` if it has one alert.
fn halves(body: &str) -> Option<[String; 2]> {
    let alerts: Vec<serde_json::Value> = serde_json::from_str(body).ok()?;
    let (first, second) = alerts.split_at(alerts.len() / 2);
    let text = |alerts: &[_]| serde_json::to_string(alerts).ok();
    (!first.is_empty()).then_some([text(first)?, text(second)?])
}

/// Why a message was not accepted.
struct Failure {
    error: anyhow::Error,
    cause: Cause,
    /// The pause that the receiver asks for.
    pause: Option<Duration>,
}

/// What has to change before a message is accepted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// Nothing: it may be accepted in a moment.
    Temporary,
    /// The receiver or its destination.
    Receiver,
    /// The message: another one may be accepted.
    Message,
}

impl Failure {
    const fn temporary(error: anyhow::Error) -> Self {
        Self {
            error,
            cause: Cause::Temporary,
            pause: None,
        }
    }

    fn is_of_message(&self) -> bool {
        self.cause == Cause::Message
    }
}

/// Up to half longer, so that several scans that fail together do not come back together.
fn jittered(pause: Duration) -> Duration {
    let thousandths = Timestamp::now().subsec_millisecond().unsigned_abs();
    pause + pause * thousandths / 2000
}

fn check(answer: &Response) -> Result<(), Failure> {
    let code = answer.status().as_u16();
    let error = match code {
        200..=299 => return Ok(()),
        300..=399 => anyhow!("it answers {code}, and redirects are not followed"),
        _ => anyhow!("it answers {code}"),
    };
    let cause = match code {
        408 | 429 | 500..=599 => Cause::Temporary,
        400 | 413 | 422 => Cause::Message,
        _ => Cause::Receiver,
    };
    let header = answer
        .headers()
        .get("Retry-After")
        .and_then(|value| value.to_str().ok());
    let seconds = header.and_then(|text| text.trim().parse().ok());
    Err(Failure {
        error,
        cause,
        pause: seconds.map(Duration::from_secs),
    })
}
