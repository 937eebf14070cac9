//! The words for taking rights from anonymous callers, which rules and identification say alike.
//!
//! They are macros because rules join them to other words while they are compiled. Deleting a binding may
//! take rights from those who need them: the bindings of discovery on clusters from before 1.14 name
//! `system:authenticated` too, and products have bindings that must stay.

/// Where discovery is open, it is mostly by these.
macro_rules! discovery {
    () => {
        "Begin with `kubectl edit clusterrolebinding system:discovery system:basic-user`: clusters that began \
         below 1.14 have system:unauthenticated there, beside system:authenticated, which must stay"
    };
}

/// What takes a grant away, whoever runs the cluster.
macro_rules! take_out {
    () => {
        "Take system:anonymous and system:unauthenticated out of the bindings that open this, which `kubectl \
         get clusterrolebindings,rolebindings -A -o wide | grep -E 'system:(anonymous|unauthenticated)'` \
         shows; delete only one that names nobody else"
    };
}

/// What must stay.
macro_rules! leave {
    () => {
        "Leave system:public-info-viewer and, where nodes join by token, kubeadm:bootstrap-signer-clusterinfo"
    };
}

/// Who gets a right of its own, where metrics are open to everybody.
macro_rules! monitoring {
    () => {
        "Give a monitoring system that needs it a service account"
    };
}

/// Behind the binding that is to be annotated: a change of a default binding lasts until the next start.
macro_rules! reconciled {
    () => {
        "with `rbac.authorization.kubernetes.io/autoupdate: \"false\"`, without which every start of the API \
         server puts the group back"
    };
}

/// Behind the flag that switches anonymous requests off, in the same sentence: advice is cut between
/// sentences, and without this it does harm.
macro_rules! needed {
    () => {
        "on a kubeadm cluster that makes the kubelet's probes of the API server fail with 401, which restarts \
         it, and nodes cannot join by token"
    };
}

pub(crate) use {discovery, leave, monitoring, needed, reconciled, take_out};
