//! Pods of API servers, static manifests, and controllers that make such pods.

use super::document::File;
use super::flags::WordProblem;
use super::found::Found;
use super::node::Node;
use super::server::Server;
use super::words::{Word, behind_program, is_program, shell, starts_program};
use crate::kubernetes::Minor;

/// What an empty list of pods means.
pub(super) const NO_POD: &str = "no such object: this says nothing about the API server. On kOps the pod has the label \
    k8s-app=kube-apiserver; on OpenShift read the ConfigMap config in openshift-kube-apiserver; k3s, k0s and MicroK8s \
    have no such pod, so read their configuration files; on EKS, GKE and AKS nothing can be read, so scan from outside";

/// `KIND NAMESPACE/NAME`.
pub(super) fn object_name(kind: &str, node: &Node) -> String {
    let field = |key| node.at(&["metadata", key]).and_then(Node::text);
    let name = field("name").unwrap_or("without a name");
    match field("namespace") {
        Some(namespace) => format!("{kind} {namespace}/{name}"),
        None => format!("{kind} {name}"),
    }
}

/// Reads an object with containers.
pub(super) fn read(file: File<'_>, node: &Node, found: &mut Found) {
    let template = node.at(&["spec", "template", "spec"]);
    let spec = template.or_else(|| node.get("spec"));
    let containers = spec.and_then(|spec| spec.get("containers"));
    let containers = containers.map_or(&[][..], Node::items);
    let Some((container, (words, others))) = containers
        .iter()
        .find_map(|container| Some((container, words(file, container)?)))
    else {
        found.others += 1;
        return;
    };
    let name = object_name(node.text_of("kind").unwrap_or("Pod"), node);
    let mut server = Server::new(name, &container.place, &words);
    server.flags.unclear = server.flags.unclear.or(others);
    server.release = container.text_of("image").and_then(release_of_image);
    if let Some(flag) = server.flags.given("openshift-config") {
        let text = "the flags are in the file of --openshift-config: the ConfigMap config in openshift-kube-apiserver";
        server.place = flag.place.clone();
        server.incomplete = Some(text.to_owned());
    }
    found.servers.push(server);
}

/// The words behind the program's name, and why they may be others; `None` if the container is no API server.
fn words(file: File<'_>, container: &Node) -> Option<(Vec<Word>, Option<WordProblem>)> {
    let of = |key| container.get(key).map_or(&[][..], Node::items).iter();
    let texts: Vec<(&Node, &str)> = of("command")
        .chain(of("args"))
        .filter_map(|word| Some((word, word.text()?)))
        .collect();
    let words: Vec<Word> = texts
        .iter()
        .map(|(node, text)| Word {
            text: (*text).to_owned(),
            place: node.place.clone(),
        })
        .collect();
    if let Some(words) = behind_program(&words) {
        return Some((words.to_vec(), None));
    }
    let is_shell = words.first().is_some_and(|word| {
        let program = word.text.rsplit('/').next().unwrap_or_default();
        matches!(program, "sh" | "bash" | "ash" | "dash")
    });
    if is_shell {
        for (node, text) in &texts {
            let at = file.positions_in(node);
            let commands = shell(text, &at);
            let mut starts = commands.iter().filter(|words| starts_program(words));
            let Some(first) = starts.next() else {
                continue;
            };
            let others = starts.next().map(|second| WordProblem {
                place: second
                    .first()
                    .map_or_else(|| node.place.clone(), |word| word.place.clone()),
                problem: "several command lines start the server, and the shell decides which"
                    .to_owned(),
            });
            return Some((behind_program(first)?.to_vec(), others));
        }
    }
    // An image whose entry point is the program.
    let has_flags = words
        .first()
        .is_some_and(|word| word.text.starts_with("--"));
    let is_named = container.text_of("name").is_some_and(is_program);
    (is_named && has_flags).then_some((words, None))
}

/// The release in the tag of an image: `registry.k8s.io/kube-apiserver:v1.35.4`.
pub(super) fn release_of_image(image: &str) -> Option<Minor> {
    let (image, _) = image.split_once('@').unwrap_or((image, ""));
    let (_, tag) = image.rsplit_once(':')?;
    Minor::of_git_version(tag)
}
