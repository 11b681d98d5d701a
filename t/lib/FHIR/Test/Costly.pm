# SPDX-License-Identifier: Apache-2.0
# Requests that ask for as much as they can within the limits of syntax: all types, search parameters,
# modifiers, chains, includes, operations, patches and batches that the server says it has, with values out of its data.
# The same seed gives the same requests for the same data. And what each costs the server: CPU time and
# memory of httpd and PostgreSQL.
package FHIR::Test::Costly;

use strict;
use warnings;
use FHIR::Test::System qw(read_file write_file);
use IO::Select;
use IO::Socket::INET;
use JSON::PP qw(encode_json);
use POSIX ();
use Time::HiRes qw(time);

my @PREFIXES = ('', qw(eq ne gt lt ge le sa eb ap));
my %MODIFIERS = (
    string => [qw(exact contains missing)], token => [qw(text not in not-in above below of-type missing)],
    reference => [qw(identifier above below missing)], uri => [qw(above below missing)],
    number => ['missing'], date => ['missing'], quantity => ['missing'], composite => ['missing'],
);
my @SETS = map { "http://hl7.org/fhir/ValueSet/$_" } qw(observation-codes condition-code observation-status
    administrative-gender medication-codes procedure-code units-of-time languages);
my @WORDS = ('a', 'e', 'blood or pressure', '"of the"', 'a and not (b or c)', 'patient', 'x' x 2000);
my @SYNTAX = ('%', '_', '\\', "\x{27}", '(((', '*', 'zz');

# base: the endpoint's path; httpd: a FHIR::Test::Httpd; database: its name; postmaster: the pid; findings: where
# survey writes each request that it complains about, or undef.
sub new {
    my ($class, %options) = @_;
    my $self = bless { seed => 1, values_max => 500, %options }, $class;
    $self->{state} = $self->{seed};
    my $metadata = $self->{httpd}->get("$self->{base}/metadata")->json;
    for my $resource (@{ $metadata->{rest}[0]{resource} }) {
        $self->{type}{ $resource->{type} } = $resource;
        $self->learn($_) for $self->{httpd}->get("$self->{base}/$resource->{type}?_count=20")->resources;
    }
    $self->{types} = [ sort keys %{ $self->{type} } ];
    $self->{stored} = [ sort keys %{ $self->{ids} } ];
    $_ = [ sort keys %$_ ] for values %{ $self->{pool} };
    return $self;
}

# One that makes no requests of its own: ask measures those of others.
sub watch { my ($class, %options) = @_; return bless {%options}, $class }

# ---- chance ----

sub any {
    my ($self, $n) = @_;
    $self->{state} = ($self->{state} * 1103515245 + 12345) & 0x7fffffff;
    return int(($self->{state} >> 8) / 2**23 * $n);
}

sub one { my ($self, @of) = @_; return $of[ $self->any(scalar @of) ] }

# ---- values ----

# Notes the values of a resource by their form.
sub learn {
    my ($self, $node, $key) = @_;
    my $pool = $self->{pool} //= {};
    if (ref $node eq 'HASH') {
        push @{ $self->{ids}{ $node->{resourceType} } }, $node->{id} if $node->{resourceType} and $node->{id};
        $pool->{token}{"$node->{system}|" . ($node->{code} // $node->{value} // '')} = 1
            if $node->{system} and !ref $node->{system};
        $self->learn($node->{$_}, $_) for keys %$node;
    }
    elsif (ref $node eq 'ARRAY') { $self->learn($_, $key) for @$node }
    elsif (!defined $node or length $node > 200) { }
    elsif ($key eq 'reference') { $pool->{reference}{$node} = 1 }
    elsif ($node =~ /^\d{4}-\d\d/) { $pool->{date}{$node} = 1 }
    elsif ($node =~ /^-?\d+(?:\.\d+)?\z/) { $pool->{number}{$node} = 1 }
    elsif ($key =~ /^(?:code|status|gender|value)\z/) { $pool->{token}{$node} = 1 }
    elsif ($node =~ m{^(?:https?:|urn:)}) { $pool->{uri}{$node} = 1 }
    else { $pool->{string}{$node} = 1 }
    return;
}

sub from { my ($self, $name) = @_; return $self->one(@{ $self->{pool}{$name} || ['x'] }) }

sub value {
    my ($self, $kind, $modifier) = @_;
    return $self->one('true', 'false') if $modifier eq 'missing';
    return $self->one(@SETS) if $modifier =~ /in\z/ and $kind eq 'token';
    return $self->from('string') =~ s/ .*//sr if $modifier eq 'text';
    return 'http://terminology.hl7.org/CodeSystem/v2-0203|MR|' . $self->from('number') if $modifier eq 'of-type';
    return $self->from('token') if $kind eq 'token' or $modifier eq 'identifier';
    return $self->one(@PREFIXES) . ($self->any(3) ? $self->from('date') : 1900 + $self->any(200)) if $kind eq 'date';
    return $self->one(@PREFIXES) . $self->from('number') if $kind eq 'number';
    return $self->one(@PREFIXES) . $self->from('number') . $self->one('', '||mg', '|http://unitsofmeasure.org|mm[Hg]')
        if $kind eq 'quantity';
    return $self->any(2) ? $self->from('reference') : $self->from('reference') =~ s{.*/}{}sr if $kind eq 'reference';
    return $self->from('uri') if $kind eq 'uri';
    return $self->from('token') . '$' . $self->one($self->from('number'), $self->from('token'), $self->from('date'))
        if $kind eq 'composite';
    return $self->one(1, 42.3) . '|-71|' . $self->one(1, 20000) . '|km' if $kind eq 'special';
    return $self->any(3) ? $self->from('string') : $self->one(@SYNTAX, 'a', 'e', 'x' x 1500);
}

sub escape { my ($s) = @_; return $s =~ s/([^A-Za-z0-9_.~|:\$-])/sprintf '%%%02X', ord $1/ger }

# Bytes in UTF-8, as JSON's strings are characters.
sub word { my ($s) = @_; utf8::encode($s); return $s }

sub values_of {
    my ($self, $kind, $modifier) = @_;
    my $n = $modifier eq 'missing' ? 1 : $self->one(1, 1, 2, 5, 30, 100, $self->{values_max});
    return join ',', map { escape(word($self->value($kind, $modifier)) =~ s/,/\\,/gr) } 1 .. $n;
}

# ---- searches ----

sub params {
    my ($self, $type) = @_;
    return @{ $self->{type}{$type}{searchParam} || [] };
}

sub condition {
    my ($self, $type) = @_;
    my $param = $self->one($self->params($type)) or return;
    my ($name, $kind) = @$param{qw(name type)};
    return if $name =~ /^_(?:filter|text|content|list|query|has|type)\z/;
    if ($kind eq 'reference' and !$self->any(3)) {
        for (1 .. 1 + $self->any(4)) {
            my $target = $self->one(@{ $self->{stored} });
            my $next = $self->one($self->params($target)) or last;
            $name .= ":$target.$next->{name}";
            $kind = $next->{type};
            last if $kind ne 'reference';
        }
    }
    my $modifier = $self->any(2) ? '' : $self->one(@{ $MODIFIERS{$kind} || [''] });
    return $name . ($modifier ? ":$modifier" : '') . '=' . $self->values_of($kind, $modifier);
}

sub reverse_chain {
    my ($self) = @_;
    my $type = $self->one(@{ $self->{stored} });
    my $link = $self->one(grep { $_->{type} eq 'reference' } $self->params($type)) or return;
    my $param = $self->one($self->params($type));
    return "_has:$type:$link->{name}:$param->{name}=" . $self->values_of($param->{type}, '');
}

sub filter {
    my ($self, $type) = @_;
    my @terms;
    for (1 .. $self->one(1, 5, 60)) {
        my $param = $self->one(grep { $_->{type} =~ /^(?:string|token|date|number)\z/ } $self->params($type)) or next;
        my $value = $self->value($param->{type}, '') =~ s/^(?:eq|ne|gt|lt|ge|le|sa|eb|ap)(?=\d)//r;
        my $is = $self->one($param->{type} eq 'string' ? qw(eq co sw ew ne) : $param->{type} eq 'token' ? qw(eq ne)
            : qw(eq ne gt lt ge le));
        push @terms, ($self->any(5) ? '' : 'not ')
            . "($param->{name} $is " . encode_json([ "$value" ]) =~ s/^\[|\]\z//gr . ')';
    }
    return unless @terms;
    return '_filter=' . escape(join $self->one(' and ', ' or '), @terms);
}

# What a result has beside matches.
sub result {
    my ($self, $type) = @_;
    my @sortable = map { $_->{name} } grep { $_->{type} ne 'composite' and $_->{name} !~ /^_/ } $self->params($type);
    my $resource = $self->{type}{$type};
    my @more = ('_count=' . $self->one(1, 20, 1000));
    push @more, '_total=accurate' unless $self->any(4);
    push @more, '_sort=' . join ',', map { $self->one('', '-') . $self->one(@sortable) } 1 .. 1 + $self->any(8)
        if @sortable and !$self->any(3);
    push @more, '_summary=' . $self->one(qw(true text data count)) unless $self->any(6);
    push @more, '_contained=' . $self->one(qw(true both)) unless $self->any(8);
    push @more, map { ($self->any(2) ? '_include' : '_include:iterate') . '=' . escape($_) }
        map { $self->one(@{ $resource->{searchInclude} || ['*'] }) } 1 .. $self->one(1, 3, 10) unless $self->any(4);
    push @more, map { ($self->any(2) ? '_revinclude' : '_revinclude:iterate') . '=' . escape($_) }
        map { $self->one(@{ $resource->{searchRevInclude} || [] }) // () } 1 .. $self->one(1, 3, 10)
        unless $self->any(5);
    return @more;
}

sub search {
    my ($self) = @_;
    my $type = $self->any(4) ? $self->one(@{ $self->{stored} }) : $self->one(@{ $self->{types} });
    my @parts = map { $self->condition($type) } 1 .. $self->one(1, 1, 2, 3, 6, 20);
    push @parts, $self->reverse_chain unless $self->any(5);
    push @parts, $self->filter($type) unless $self->any(6);
    push @parts, $self->one('_text', '_content') . '=' . escape($self->one(@WORDS)) unless $self->any(6);
    push @parts, '_list=' . $self->one('$current-problems', '$current-allergies', 'x') unless $self->any(25);
    push @parts, 'patient=' . $self->from('reference') =~ s{.*/}{}sr unless $self->any(6);
    return [ POST => "$type/_search", join('&', @parts, $self->result($type)), 'application/x-www-form-urlencoded' ];
}

sub system_search {
    my ($self) = @_;
    my %types = map { $self->one(@{ $self->{stored} }) => 1 } 1 .. $self->one(1, 5, 40);
    return [ GET => '?_type=' . join(',', sort keys %types) . '&_count=' . $self->one(1, 1000)
            . $self->one('', '&_total=accurate', '&_sort=-_lastUpdated', '&_lastUpdated=ge2000&_sort=_id',
                '&_content=a', '&_text=e', '&_include=*') ];
}

# ---- the others ----

sub id_of { my ($self, $type) = @_; return $self->one(@{ $self->{ids}{$type} || ['x'] }) }

sub history {
    my ($self) = @_;
    my $type = $self->one(@{ $self->{stored} });
    return [ GET => $self->one("$type/" . $self->id_of($type) . '/_history', "$type/_history", '_history')
            . '?_count=' . $self->one(1, 1000) . $self->one('', '&_since=2000-01-01T00:00:00Z', '&_at=2026-01') ];
}

sub operation {
    my ($self) = @_;
    my $patient = $self->id_of('Patient');
    my $set = escape($self->one(@SETS));
    my $type = $self->one(@{ $self->{stored} });
    return [ GET => $self->one(
            "Patient/$patient/\$everything?_count=1000", 'Patient/$everything?_count=1000',
            "Patient/$patient/\$everything?_type=" . join(',', @{ $self->{stored} }),
            "Patient/$patient/\$everything?start=1900-01-01&end=2100-01-01",
            "DocumentReference/\$docref?patient=$patient",
            'Observation/$lastn?max=100&category=laboratory,vital-signs&patient=' . $patient,
            "Patient/$patient/$type?" . join('&', map { $self->condition($type) } 1 .. 3),
            "ValueSet/\$expand?url=$set&count=1000", "ValueSet/\$expand?url=$set&filter=a&count=1000",
            "ValueSet/\$validate-code?url=$set&system=http%3A%2F%2Floinc.org&code=8867-4",
            'CodeSystem/$lookup?system=http%3A%2F%2Fhl7.org%2Ffhir%2Fadministrative-gender&code=male',
            'CodeSystem/$subsumes?system=http%3A%2F%2Fhl7.org%2Ffhir%2Fadministrative-gender&codeA=male&codeB=x',
        ) ];
}

sub validate {
    my ($self) = @_;
    my $n = $self->one(10, 1000, 50_000);
    my $resource = $self->one(
        { resourceType => 'Patient', name => [ map { { family => "n$_", given => [ 'a', 'b' ] } } 1 .. $n ] },
        { resourceType => 'Observation', status => 'final', code => { coding => [ map { { system => 'http://loinc.org',
            code => "c$_" } } 1 .. $n ] } },
        { resourceType => 'Questionnaire', status => 'draft', item => [ map { { linkId => "i$_", type => 'string',
            text => 'x', enableWhen => [ { question => 'i1', operator => 'exists', answerBoolean => JSON::PP::true } ] }
        } 1 .. $n / 5 ] },
        { resourceType => 'Bundle', type => 'collection', entry => [ map { { fullUrl => "urn:x:$_", resource => {
            resourceType => 'Patient', link => [ { type => 'seealso', other => { reference => 'urn:x:1' } } ] } } }
            1 .. $n / 5 ] },
    );
    return [ POST => "$resource->{resourceType}/\$validate", encode_json($resource), 'application/fhir+json' ];
}

sub patch {
    my ($self) = @_;
    my $all = $self->one('Patient.descendants()', 'Patient.repeat(children())', 'Patient.name.given');
    my $path = $all . join '', map { $self->one(
            ".combine($all)", ".union($all)", ".where(toString().matches('(.*)*x'))", '.select($this & $this)',
            '.where($this = $this)', ".exclude($all)", '.distinct()', ".intersect($all)", '.repeat($this)',
            '.all($this.exists())', '.skip(1)', '.tail()', '.aggregate($total & $this.toString(), %resource.id)',
        ) } 1 .. 1 + $self->any(6);
    return [ PATCH => 'Patient/' . $self->id_of('Patient'), encode_json({ resourceType => 'Parameters',
        parameter => [ map { { name => 'operation', part => [ { name => 'type', valueCode => 'delete' },
            { name => 'path', valueString => "$path.first().where(false)" } ] } } 1 .. $self->one(1, 10, 500) ] }),
        'application/fhir+json' ] if $self->any(2);
    return [ PATCH => 'Patient/' . $self->id_of('Patient'), encode_json([ map { ({ op => 'add', path => '/x', value =>
        [ (1) x 100 ] }, { op => 'copy', from => '/x', path => '/x/-' }) } 1 .. $self->one(1, 10, 450) ]),
        'application/json-patch+json' ];
}

sub batch {
    my ($self) = @_;
    my @entries = map { my $r = $self->one_of(qw(system_search history operation)); { request => { method => 'GET',
        url => $r->[1] } } } 1 .. $self->one(2, 10);
    return [ POST => '', encode_json({ resourceType => 'Bundle', type => 'batch', entry => \@entries }),
        'application/fhir+json' ];
}

sub one_of { my ($self, @methods) = @_; my $method = $self->one(@methods); return $self->$method }

# The next request: [ method, what follows the base, body, its type ].
sub next_request {
    my ($self) = @_;
    return $self->one_of(('search') x 14, qw(system_search history operation operation validate patch patch batch));
}

# ---- what it costs ----

sub pids { my ($pid) = @_; return ($pid, map { pids($_) } split ' ', eval { read_file("/proc/$pid/task/$pid/children") }
        // '') }

# httpd's processes, and PostgreSQL's for the database: their titles have its name.
sub servers {
    my ($self) = @_;
    my $title = qr/ \Q$self->{database}\E /;
    return (pids($self->{httpd}{pid}),
        grep { (eval { read_file("/proc/$_/cmdline") } // '') =~ $title } pids($self->{postmaster}));
}

# CPU seconds so far, of these and of those of their children that have ended.
sub cpu {
    my $sum = 0;
    for my $pid (@_) {
        my @fields = split ' ', (eval { read_file("/proc/$pid/stat") } // next) =~ s/^.*\) //sr;
        $sum += $fields[$_] for 11 .. 14;
    }
    return $sum / POSIX::sysconf(POSIX::_SC_CLK_TCK());
}

# MB that are not shared and no file's.
sub memory {
    my $sum = 0;
    for my $pid (@_) {
        my ($kb) = (eval { read_file("/proc/$pid/status") } // '') =~ /^RssAnon:\s+(\d+)/m;
        $sum += $kb // 0;
    }
    return $sum / 1024;
}

# A request as it is sent.
sub bytes {
    my ($self, $request) = @_;
    my ($method, $path, $body, $type) = @$request;
    my $url = $self->{base} . ($path =~ /^\?|^\z/ ? $path : "/$path");
    my $head = "$method $url HTTP/1.0\r\nHost: 127.0.0.1:$self->{httpd}{port}\r\n";
    return defined $body ? "${head}Content-Type: $type\r\nContent-Length: @{[ length $body ]}\r\n\r\n$body"
        : "$head\r\n";
}

# Sends a request and reads the answer: { status, seconds (by the clock), cpu (seconds), memory (MB beyond what there
# was before, at its most), bytes }.
sub ask {
    my ($self, $request) = @_;
    my @servers = $self->servers;
    my ($cpu, $before) = (cpu(@servers), memory(@servers));
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{httpd}{port})
        or die "connect: $!\n";
    my $begin = time;
    print {$socket} $self->bytes($request);
    $socket->flush;
    my ($select, $head, $bytes, $most, $looked) = (IO::Select->new($socket), '', 0, $before, $begin);
    while (time - $begin < 60) {
        if ($select->can_read(0.02)) {
            my $n = sysread $socket, my $part, 1 << 20;
            last unless $n;
            $head .= $part if length $head < 4000;
            $bytes += $n;
        }
        next if time - $looked < 0.02;
        $looked = time;
        my $now = memory($self->servers);
        $most = $now if $now > $most;
    }
    my $now = memory($self->servers);
    $most = $now if $now > $most;
    my ($status) = $head =~ m{\AHTTP/1\.1 (\d+)};
    return { status => $status // 0, seconds => time - $begin, bytes => $bytes, head => $head,
        cpu => cpu($self->servers) - $cpu, memory => $most - $before };
}

# What is wrong with a request that cost so much: slow (more than so many seconds of CPU time), large (more than
# 100 MB), wrong (no answer, or an internal error).
sub faults {
    my ($cost, $seconds) = @_;
    return ($cost->{cpu} > $seconds ? 'slow' : (), $cost->{memory} > 100 ? 'large' : (),
        $cost->{status} == 500 || !$cost->{status} ? 'wrong' : ());
}

# Asks so many requests, and hands each with its cost to the code. { slow, large, wrong => [texts], states => by the
# first digit, cpu => [seconds, in order] }. The whole of each request that is slow, large or wrong is in the folder
# of findings, in a file of its number, as it was sent: nc HOST PORT < FILE asks it again.
sub survey {
    my ($self, $count, $seconds, $code) = @_;
    my %found = map { $_ => [] } qw(slow large wrong cpu);
    for my $n (1 .. $count) {
        my $request = $self->next_request;
        my $cost = $self->ask($request);
        my $told = sprintf "%d in %.2f s, CPU %.2f s, %.0f MB: %s", @$cost{qw(status seconds cpu memory)},
            text($request);
        $found{states}{ int $cost->{status} / 100 }++;
        push @{ $found{cpu} }, $cost->{cpu};
        my @faults = faults($cost, $seconds);
        $told = write_file("$self->{findings}/$n.request", $self->bytes($request)) . ": $told"
            if @faults and $self->{findings};
        push @{ $found{$_} }, $told for @faults;
        $code->($cost, $told) if $code;
    }
    return \%found;
}

sub text { my ($request) = @_; return substr join(' ', map { $_ // () } @$request[0 .. 2]), 0, 1500 }

1;
