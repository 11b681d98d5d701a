# SPDX-License-Identifier: Apache-2.0
# Long work on the processors (docs/limits.md): FHIRLongWorkThreads threads of all processes together do
# it, clients have their turns in order, short work does not wait, a process that dies takes nothing with it,
# and the work of a client that has gone ends.
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::Costly;
use FHIR::Test::System qw(patience);
use IO::Select;
use JSON::PP qw(decode_json encode_json);
use Test::More;
use Time::HiRes qw(sleep time);

my $t = FHIR::Test->new(modules => ['status'], processes => 2, threads => 16, endpoints => <<'CONF');
FHIRClientRequests 16
FHIRLongWorkThreads 1
FHIRConnectionWait 5s
<Location "/all/r4">
    FHIREndpoint R4 open
    FHIRInteractions all
    FHIRPatchStepsMax 1000000000
    Require local
</Location>
<Location "/server-status">
    SetHandler server-status
    Require local
</Location>
CONF
$t->allow_log(qr/AH00484/);
$t->load({ resourceType => 'Patient', id => 'p', name => [ map { { family => 'n' x 60 . $_ } } 1 .. 200 ] });

# Operations that work for about half a second together, and a reason to refuse them then.
sub patch {
    my ($operations) = @_;
    return encode_json({ resourceType => 'Parameters', parameter => [ (map { { name => 'operation', part => [
        { name => 'type', valueCode => 'delete' },
        { name => 'path', valueString => 'Patient.name.where('
            . "%context.name.family.where(matches('(.*)(.*)x')).count() > 0).first()" } ] } } 1 .. $operations),
        { name => 'operation', part => [ { name => 'type', valueCode => 'none' } ] } ] });
}

sub ask {
    my ($n, $method, $path, $content, $httpd) = @_;
    return ($httpd || $t->httpd)->ask_from($n, $method, $path, $content);
}
sub answer { return FHIR::Test::Httpd::answer_of(@_) }

sub lane {
    my ($line) = $t->get('/server-status?auto')->body =~ /^FHIR: long work: (.*)$/m;
    return { ($line // '') =~ /(\w+)=(\d+)/g };
}

is_deeply(lane(), { threads => 1, working => 0, waiting => 0 }, 'a lane of one thread');

my $one = time;
my ($status, undef, $body) = answer(ask(2, PATCH => '/all/r4/Patient/p', patch(5)));
$one = time - $one;
is($status, 400, sprintf('long work: %.2f s', $one)) or diag($body);
like($body, qr/operation 5: the part 'path'/, '  done to its end');

# ---- many at once ----

my @open = map { ask($_, PATCH => '/all/r4/Patient/p', patch(5)) } 10 .. 17;
ok(wait_for(sub { lane()->{waiting} >= 4 }, 5), 'eight clients with long work wait for each other');
my ($working, $good, $longest) = (0, 0, 0);
for (1 .. 20) {
    my $begin = time;
    $good += (answer(ask(3, GET => '/all/r4/Patient?_count=1&_elements=id')))[0] == 200;
    $longest = time - $begin if time - $begin > $longest;
    my $lane = lane();
    $working = $lane->{working} if $lane->{working} > $working;
}
is($good, 20, '  twenty short requests are answered');
diag(sprintf 'the longest took %.0f ms', 1000 * $longest);
is($working, 1, '  one thread of the two processes works');
my %states;
$states{ (answer($_))[0] }++ for @open;
is_deeply(\%states, { 400 => 8 }, '  all come to their end');
is_deeply(lane(), { threads => 1, working => 0, waiting => 0 }, '  and have left the lane');

# ---- clients in order ----

@open = map { ask(20, PATCH => '/all/r4/Patient/p', patch(10)) } 1 .. 8;
ok(wait_for(sub { lane()->{waiting} >= 4 }, 5), 'one client has eight requests with long work');
is((answer(ask(21, PATCH => '/all/r4/Patient/p', patch(5))))[0], 400, '  another one has one, which is answered');
is(scalar(grep { !IO::Select->new($_)->can_read(0) } @open), 8, '  before each of the eight');

# ---- who goes away ----

close $_ for @open;
ok(wait_for(sub { my $lane = lane(); !$lane->{working} && !$lane->{waiting} }, 1), 'they close: their work ends');
my $long = ask(22, PATCH => '/all/r4/Patient/p', patch(900) =~ s/"none"/"delete"/r);
ok(wait_for(sub { lane()->{working} }, 5), 'work of minutes');
close $long;
ok(wait_for(sub { !lane()->{working} }, 1), '  ends when its client has gone');
is($t->get('/all/r4/Patient/p')->json->{meta}{versionId}, 1, '  and nothing is stored');

# ---- a process that dies ----

@open = map { ask($_, PATCH => '/all/r4/Patient/p', patch(20)) } 30 .. 37;
ok(wait_for(sub { lane()->{waiting} >= 4 }, 5), 'eight clients again');
my %used = map { $_ => -FHIR::Test::Costly::cpu($_) } $t->children;
sleep 0.5;
$used{$_} += FHIR::Test::Costly::cpu($_) for keys %used;
my ($busiest) = sort { $used{$b} <=> $used{$a} } keys %used;
kill KILL => $busiest;
my %ends = (0 => 0, 400 => 0);
$ends{ (answer($_))[0] }++ for @open;
# Which of the two accepted how many of the eight is the kernel's choice; it may be all.
cmp_ok($ends{0}, '>', 0, 'a process is killed, and its work with it');
is($ends{0} + $ends{400}, 8, '  what the other one has is answered') or diag(explain(\%ends));
is((answer(ask(2, PATCH => '/all/r4/Patient/p', patch(5))))[0], 400, '  and more');
is_deeply(lane(), { threads => 1, working => 0, waiting => 0 }, '  nothing of it is left in the lane');

# ---- too much ----

my $hasty = $t->second(threads => 16, endpoints => <<'CONF');
FHIRClientRequests 16
FHIRLongWorkThreads 1
FHIRConnectionWait 1ms
<Location "/all/r4">
    FHIREndpoint R4 open
    FHIRInteractions all
    FHIRPatchStepsMax 1000000000
    Require local
</Location>
CONF
$hasty->allow_log(qr/AH00484|FHIR0202: .*all threads of long work were in use/);
my @answers = map { [ answer($_) ] } map { ask($_, PATCH => '/all/r4/Patient/p', patch(10), $hasty) } 40 .. 43;
my @refused = grep { $_->[0] == 503 } @answers;
cmp_ok(scalar @refused, '>=', 2, 'who waits longer than FHIRConnectionWait is refused')
    or diag(join ' ', map { $_->[0] } @answers);
like($refused[0][1], qr/^Retry-After: \d+\r?$/m, '  and is told when to come again');
is((eval { decode_json($refused[0][2]) } // {})->{issue}[0]{code}, 'transient', '  and why');
like($refused[0][2], qr/limit of long work/, '  in words');
is($t->get('/all/r4/Patient/p')->json->{meta}{versionId}, 1, '  nothing is stored');
my $long_then_short = encode_json({ resourceType => 'Bundle', type => 'batch', entry => [
    entry(GET => 'Patient/p'), entry(PATCH => 'Patient/p', decode_json(patch(10))), entry(GET => 'Patient/p') ] });
my @batches = map { [ answer($_) ] } map { ask($_, POST => '/all/r4', $long_then_short, $hasty) } 45 .. 48;
is(scalar(grep { $_->[0] == 200 } @batches), 4, 'batches are answered');
my @states = map { my $batch = (eval { decode_json($_->[2]) } // {});
    join ' ', map { $_->{response}{status} =~ /^(\d+)/ } @{ $batch->{entry} || [] } } @batches;
ok(scalar(grep { /^200 503 503/ } @states), '  what is long is refused') or diag("@states[0 .. 3]");
is(join(' ', grep { !/^200 (?:400|503) (?:200|503)$/ } @states), '', '  the entries before it are not');

# ---- many short requests ----

# Work that is short: as many names are compared as take 3 ms of processor time here. On a busy machine less work
# would take so long that the client's account fills again meanwhile.
sub short {
    my ($names) = @_;
    return encode_json({ resourceType => 'Parameters', parameter => [ { name => 'operation', part => [
        { name => 'type', valueCode => 'delete' },
        { name => 'path', valueString => "Patient.name.take($names).where(%context.name.take($names).family"
            . ".where(matches('(.*)(.*)x')).count() > 0).first()" } ] },
        { name => 'operation', part => [ { name => 'type', valueCode => 'none' } ] } ] });
}
my $each = -FHIR::Test::Costly::cpu($hasty->children);
answer(ask($_, PATCH => '/all/r4/Patient/p', short(20), $hasty)) for 60 .. 99;
$each = ($each + FHIR::Test::Costly::cpu($hasty->children)) / 40;
my $short = short(1 + int(20 * sqrt(0.003 / ($each || 0.001))));
my ($n, @short) = (0);
for (1 .. 20) {
    $long = ask(50, PATCH => '/all/r4/Patient/p', patch(50), $hasty);
    while (!@short and $n < 2000 and !IO::Select->new($long)->can_read(0)) {
        my @got = map { (answer($_))[0] } map { ask(51, PATCH => '/all/r4/Patient/p', $short, $hasty) } 1 .. 8;
        $n += grep { $_ == 400 } @got;
        @short = grep { $_ == 503 } @got;
    }
    last if @short;
}
ok(scalar @short, "a client's short requests are long after $n of them, which took its share of the processors");
cmp_ok($n, '>=', 8, '  not the first ones');
is((answer(ask(52, PATCH => '/all/r4/Patient/p', $short, $hasty)))[0], 400, "  and another client's are not");
close $long;
$t->done;
