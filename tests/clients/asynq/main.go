// Asynq: several queues by weight, schedules, retries, unique tasks, groups that are aggregated, and its inspector.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/hibiken/asynq"
)

var queues = []string{"critical", "default", "low"}

var address = asynq.RedisClientOpt{Addr: "127.0.0.1:" + os.Getenv("SHOAL_PORT")}

// How often each job was done.
var ledger = struct {
	sync.Mutex
	times map[string]int
}{times: map[string]int{}}

func note(job string) {
	ledger.Lock()
	defer ledger.Unlock()
	ledger.times[job]++
}

func jobsDone() int {
	ledger.Lock()
	defer ledger.Unlock()
	return len(ledger.times)
}

func check(err error) {
	if err != nil {
		fmt.Println("FAIL:", err)
		os.Exit(1)
	}
}

// Waits until count jobs are done, each once, and begins a new ledger.
func expectOnce(what string, count int) {
	begin := time.Now()
	for jobsDone() < count {
		if time.Since(begin) > time.Minute {
			check(fmt.Errorf("%s: %d of %d jobs were done", what, jobsDone(), count))
		}
		time.Sleep(20 * time.Millisecond)
	}
	ledger.Lock()
	defer ledger.Unlock()
	for job, times := range ledger.times {
		if times != 1 {
			check(fmt.Errorf("%s: %s was done %d times", what, job, times))
		}
	}
	if len(ledger.times) != count {
		check(fmt.Errorf("%s: %d jobs were done instead of %d", what, len(ledger.times), count))
	}
	ledger.times = map[string]int{}
	fmt.Printf("ok %s (%v)\n", what, time.Since(begin).Round(time.Millisecond))
}

func noteTask(_ context.Context, task *asynq.Task) error {
	note(string(task.Payload()))
	return nil
}

// Fails twice.
func stubborn(ctx context.Context, task *asynq.Task) error {
	attempt, _ := asynq.GetRetryCount(ctx)
	note(fmt.Sprintf("%s attempt %d", task.Payload(), attempt))
	if attempt < 2 {
		return errors.New("not yet")
	}
	return nil
}

func nothing(context.Context, *asynq.Task) error { return nil }

func aggregate(_ string, tasks []*asynq.Task) *asynq.Task {
	for _, task := range tasks {
		note(string(task.Payload()))
	}
	return asynq.NewTask("nothing", nil)
}

func startServer() *asynq.Server {
	server := asynq.NewServer(address, asynq.Config{
		Concurrency:              20,
		Queues:                   map[string]int{"critical": 6, "default": 3, "low": 1},
		LogLevel:                 asynq.FatalLevel,
		DelayedTaskCheckInterval: 100 * time.Millisecond,
		RetryDelayFunc:           func(int, error, *asynq.Task) time.Duration { return 50 * time.Millisecond },
		GroupGracePeriod:         time.Second,
		GroupAggregator:          asynq.GroupAggregatorFunc(aggregate),
	})
	tasks := asynq.NewServeMux()
	tasks.HandleFunc("note", noteTask)
	tasks.HandleFunc("stubborn", stubborn)
	tasks.HandleFunc("nothing", nothing)
	check(server.Start(tasks))
	return server
}

func enqueue(client *asynq.Client, kind string, count int, options func(number int) []asynq.Option) {
	for number := 0; number < count; number++ {
		task := asynq.NewTask(kind, []byte(fmt.Sprint("job ", number)))
		_, err := client.Enqueue(task, append(options(number), asynq.Queue(queues[number%3]))...)
		check(err)
	}
}

func enqueueUnique(client *asynq.Client) {
	duplicates := 0
	for number := 0; number < 300; number++ {
		task := asynq.NewTask("note", []byte(fmt.Sprint("job ", number%30)))
		_, err := client.Enqueue(task, asynq.Queue("low"), asynq.Unique(time.Hour), asynq.ProcessIn(2*time.Second))
		if errors.Is(err, asynq.ErrDuplicateTask) {
			duplicates++
		} else {
			check(err)
		}
	}
	if duplicates != 270 {
		check(fmt.Errorf("%d duplicates instead of 270", duplicates))
	}
}

func main() {
	client := asynq.NewClient(address)
	servers := []*asynq.Server{startServer(), startServer()}

	enqueue(client, "note", 3000, func(int) []asynq.Option { return nil })
	expectOnce("jobs of three queues are done once", 3000)
	enqueue(client, "note", 500, func(number int) []asynq.Option {
		return []asynq.Option{asynq.ProcessIn(time.Duration(number%20) * 100 * time.Millisecond)}
	})
	expectOnce("scheduled jobs are done once", 500)
	enqueue(client, "stubborn", 300, func(int) []asynq.Option { return []asynq.Option{asynq.MaxRetry(3)} })
	expectOnce("failing jobs are tried again", 900)
	enqueueUnique(client)
	expectOnce("unique jobs are there once", 30)
	enqueue(client, "note", 300, func(int) []asynq.Option { return []asynq.Option{asynq.Group("group")} })
	expectOnce("groups are aggregated", 300)

	for _, server := range servers {
		server.Shutdown()
	}
	inspector := asynq.NewInspector(address)
	for _, queue := range queues {
		info, err := inspector.GetQueueInfo(queue)
		check(err)
		if info.Active != 0 || info.Failed != 200 {
			check(fmt.Errorf("%s: %d are active, %d have failed", queue, info.Active, info.Failed))
		}
	}
}
