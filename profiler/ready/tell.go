package ready

import (
	"net"
	"strings"
)

// Tell says READY=1 to the service manager that started scallop, see sd_notify(3); address is
// its NOTIFY_SOCKET, empty if there is none. Nobody may be listening: that is not scallop's
// business.
func Tell(address string) {
	if address == "" {
		return
	}
	if strings.HasPrefix(address, "@") {
		address = "\x00" + address[1:]
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = conn.Write([]byte("READY=1"))
}
