package launch

import (
	"errors"
	"fmt"
	"math"
	"os/user"
	"strconv"
	"strings"
	"syscall"
)

// User is who a command runs as.
type User struct {
	UID, GID uint32
	Groups   []uint32
}

// ParseUser reads NAME or UID, optionally followed by :GROUP or :GID. Without a group,
// the user's own groups hold, all of them.
func ParseUser(text string) (*User, error) {
	name, group, hasGroup := strings.Cut(text, ":")
	u, account, err := findUser(name)
	if err != nil {
		return nil, err
	}
	if hasGroup {
		gid, err := findGroup(group)
		if err != nil {
			return nil, err
		}
		u.GID, u.Groups = gid, []uint32{gid}
		return u, nil
	}
	if account == nil {
		return u, nil
	}
	ids, err := account.GroupIds()
	if err != nil {
		return nil, fmt.Errorf("user %q: listing groups: %w: name one, as USER:GROUP", name, err)
	}
	for _, id := range ids {
		if gid, err := parseID(id); err == nil {
			u.Groups = append(u.Groups, gid)
		}
	}
	return u, nil
}

// findUser accepts UIDs that have no account, as containers do.
func findUser(name string) (*User, *user.User, error) {
	account, err := user.Lookup(name)
	if err != nil {
		uid, idErr := parseID(name)
		if idErr != nil {
			return nil, nil, fmt.Errorf("user %q: no such account, and not a UID: name one of /etc/passwd, or a UID", name)
		}
		if account, err = user.LookupId(name); err != nil {
			return &User{UID: uid, GID: uid}, nil, nil
		}
	}
	uid, err := parseID(account.Uid)
	if err != nil {
		return nil, nil, fmt.Errorf("user %q: %w", name, err)
	}
	gid, err := parseID(account.Gid)
	if err != nil {
		return nil, nil, fmt.Errorf("user %q: %w", name, err)
	}
	return &User{UID: uid, GID: gid}, account, nil
}

func findGroup(name string) (uint32, error) {
	if group, err := user.LookupGroup(name); err == nil {
		return parseID(group.Gid)
	}
	gid, err := parseID(name)
	if err != nil {
		return 0, fmt.Errorf("group %q: no such group, and not a number: name one of /etc/group, or a GID", name)
	}
	return gid, nil
}

func parseID(text string) (uint32, error) {
	id, err := strconv.ParseUint(text, 10, 32)
	if err == nil && id == math.MaxUint32 {
		return 0, errors.New("4294967295 is -1, which means no user")
	}
	return uint32(id), err
}

// String is uid:gid.
func (u *User) String() string { return fmt.Sprintf("%d:%d", u.UID, u.GID) }

func (u *User) credential() *syscall.Credential {
	if u == nil {
		return nil
	}
	return &syscall.Credential{Uid: u.UID, Gid: u.GID, Groups: u.Groups}
}
