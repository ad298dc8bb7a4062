package multicast

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	libaudit "github.com/elastic/go-libaudit/v2"
)

// initialNetworkOnly is a sysctl that other network namespaces do not show (net/core/sysctl_net_core.c).
const initialNetworkOnly = "/proc/sys/net/core/netdev_budget"

// checkNamespace: the kernel sends to listeners in the initial network namespace only, and lets others listen to
// nothing.
func checkNamespace() error {
	if _, err := os.Stat(initialNetworkOnly); !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return listenError(errors.New("the kernel sends them to the host's network namespace only"), "run scallop there, as with docker run --network=host")
}

// kernelLost is how many records the kernel dropped since boot; false if this process may not ask (CAP_AUDIT_CONTROL).
func kernelLost() (uint32, bool) {
	client, err := libaudit.NewAuditClient(nil)
	if err != nil {
		return 0, false
	}
	defer client.Close()
	status, err := client.GetStatus()
	if err != nil {
		return 0, false
	}
	return status.Lost, true
}

// ActionsLogged is the sysctl with the actions of filters that the kernel writes records of.
const ActionsLogged = "/proc/sys/kernel/seccomp/actions_logged"

// Silent are the actions of filters of which this host was told to write no records, in the kernel's words: kill_process,
// kill_thread, trap, errno, user_notif, trace, log. Of trap, errno, user_notif and trace it writes them for filters
// that were loaded with SECCOMP_FILTER_FLAG_LOG only.
func Silent() ([]string, error) {
	var lists [2][]string
	for i, path := range []string{"/proc/sys/kernel/seccomp/actions_avail", ActionsLogged} {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("which actions of filters the kernel logs: %w", err)
		}
		lists[i] = strings.Fields(string(data))
	}
	return slices.DeleteFunc(lists[0], func(action string) bool { return action == "allow" || slices.Contains(lists[1], action) }), nil
}
