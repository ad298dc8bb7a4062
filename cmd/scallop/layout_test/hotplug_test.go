package layout_test

import (
	"fmt"
	"os"
	"sync"
	"testing"
)

// CPUs go and come while calls are counted on them.
func TestHotplug(t *testing.T) {
	name, _ := layout(t)
	if name != "hotplug" {
		t.Skip("only where CPUs may be taken off")
	}
	done := make(chan struct{})
	var plugging sync.WaitGroup
	turns := 0
	plugging.Go(func() {
		for {
			for cpu := 1; cpu <= 3; cpu++ {
				for _, state := range []string{"0", "1"} {
					path := fmt.Sprintf("/sys/devices/system/cpu/cpu%d/online", cpu)
					if err := os.WriteFile(path, []byte(state), 0); err != nil {
						t.Errorf("plugging: %v", err)
						return
					}
				}
				turns++
			}
			select {
			case <-done:
				return
			default:
			}
		}
	})
	for range 5 {
		runExactly(t, "")
	}
	close(done)
	plugging.Wait()
	t.Logf("%d times a CPU was taken off and put on again", turns)
}
