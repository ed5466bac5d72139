// app PORT MISTAKE PART BUFFER: goroutine (waits for ever), dict (a map that nobody empties), garbage, lru, none
package main

import (
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
)

var (
	mu    sync.Mutex
	dict  = map[string][]byte{}
	never = make(chan int)
	ring  []string
	sink  []byte
)

func main() {
	mistake := os.Args[2]
	part, _ := strconv.Atoi(os.Args[3])
	buffer, _ := strconv.Atoi(os.Args[4])
	sink = make([]byte, buffer+1)
	for i := 0; i < buffer; i += 4096 {
		sink[i] = 1
	}
	var serial int
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		body := strings.Repeat(r.URL.Path+" ", 40)
		switch mistake {
		case "goroutine":
			mu.Lock()
			serial++
			s := serial
			mu.Unlock()
			if s%part == 0 {
				go func() { <-never }()
			}
		case "dict":
			mu.Lock()
			serial++
			dict[strconv.Itoa(serial)] = make([]byte, part)
			mu.Unlock()
		case "garbage":
			x := make([]byte, part*100)
			copy(x, body)
			body = string(x[:len(body)])
		case "lru":
			mu.Lock()
			if _, ok := dict[r.URL.Path]; !ok {
				dict[r.URL.Path] = []byte(strings.Repeat(r.URL.Path, 60))
				ring = append(ring, r.URL.Path)
				if len(ring) > part {
					delete(dict, ring[0])
					ring = ring[1:]
				}
			}
			mu.Unlock()
		}
		fmt.Fprint(w, body)
	})
	http.ListenAndServe("127.0.0.1:"+os.Args[1], nil)
}
