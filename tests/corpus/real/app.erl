#!/usr/bin/env escript
%%! +S 1:1 +sbwt none +A 1
%% app.erl PORT MISTAKE PART: ets (rows that nobody deletes), ring (a table of PART rows), none
main([P, M, N]) ->
    ets:new(t, [set, public, named_table]),
    {ok, L} = gen_tcp:listen(list_to_integer(P), [binary, {ip, {127, 0, 0, 1}}, {active, false}, {packet, http_bin}, {reuseaddr, true}, {backlog, 64}]),
    accept(L, M, list_to_integer(N)).

accept(L, M, N) ->
    {ok, S} = gen_tcp:accept(L),
    Pid = spawn(fun() -> receive go -> serve(S, M, N) end end),
    gen_tcp:controlling_process(S, Pid),
    Pid ! go,
    accept(L, M, N).

serve(S, M, N) ->
    case gen_tcp:recv(S, 0, 120000) of
        {ok, {http_request, _, {abs_path, Path}, _}} ->
            headers(S),
            work(M, N, Path),
            B = binary:copy(Path, 40),
            gen_tcp:send(S, [<<"HTTP/1.1 200 OK\r\nContent-Length: ">>, integer_to_list(byte_size(B)), <<"\r\n\r\n">>, B]),
            serve(S, M, N);
        _ -> gen_tcp:close(S)
    end.

headers(S) ->
    case gen_tcp:recv(S, 0, 10000) of
        {ok, http_eoh} -> ok;
        {ok, _} -> headers(S);
        _ -> ok
    end.

work("ets", N, Path) -> ets:insert(t, {erlang:unique_integer(), binary:copy(Path, 1 + N div max(1, byte_size(Path)))});
work("ring", N, Path) -> ets:insert(t, {erlang:phash2({Path, rand:uniform(N * 3)}, N), binary:copy(Path, 60)});
work(_, _, _) -> ok.
