# SPDX-License-Identifier: Apache-2.0
# What is asked across the practice: classes of searches, what dashboards ask, and reads and writes of
# linked resources. Each size of --patients has its turn within a round.
package Practice;

use strict;
use warnings;
use Bench;
use FHIR::Test::Searches qw(@CLASSES @DASHBOARDS);
use FHIR::Test::System qw(built read_file run_ok work_dir write_file);
use HTTP::Tiny;
use JSON::PP ();
use POSIX ();
use Time::HiRes qw(time);

my $CONNECTIONS = 8;
my $JSON = JSON::PP->new->canonical->utf8;

# ---- searches ----

sub lists {
    my ($tenant) = @_;
    my $sql = sub { sql($_[0], $tenant) };
    return FHIR::Test::Searches::lists($sql, FHIR::Test::Searches::patients($sql, 100, 1));
}

# The requests of the templates to a tenant; those that are refused are told and left out.
sub answered {
    my ($tenant, $lists, $more, @templates) = @_;
    my @answered;
    for my $template (@templates) {
        my @all = map { "/$tenant/r4/$_&$more" } FHIR::Test::Searches::requests($template, $lists, 40);
        my ($refused) = grep { $_->[1]->status != 200 } map { [ $_, $httpd->get($_) ] } @all;
        if ($refused) { printf "%s: %d %.120s\n", $refused->[0], $refused->[1]->status, $refused->[1]->body }
        elsif (@all) { push @answered, @all }
        else { print "$tenant, $template: no data\n" }
    }
    return @answered;
}

# One row: CPU ms a request, p50 and p99 at each size, growth of CPU from the first to the last.
sub row {
    my ($name, @files) = @_;
    my @runs = map { [ map { wrk($_, connections => $CONNECTIONS) } @files ] } 1 .. $option{rounds};
    my $cpu = sub { ($_[0]{httpd} + $_[0]{pg}) / 1000 };
    printf "%-*s%s  x%s\n", $option{each} ? 80 : 44, $name, join('', map { my $i = $_;
        sprintf '  %6.2f CPU ms %7.1f %7.1f ms', median(map { $cpu->($_->[$i]) } @runs),
            map { my $p = $_; median(map { $_->[$i]{$p} } @runs) } qw(p50 p99) } 0 .. $#files),
        spread(map { $cpu->($_->[-1]) / ($cpu->($_->[0]) || 1) } @runs);
    return;
}

sub rows {
    my ($what, @rows) = @_;
    my @tenants = map { tenant($_) } populations();
    my %lists = map { $_ => lists($_) } @tenants;
    printf "%s: CPU of httpd and PostgreSQL a request, p50, p99 on %d connections; %s patients; growth of CPU\n", $what,
        $CONNECTIONS, join ', ', populations();
    for my $row (@rows) {
        my ($name, $more, @templates) = @$row;
        my @paths = map { [ answered($_, $lists{$_}, $more, @templates) ] } @tenants;
        next if grep { !@$_ } @paths;
        row($name, map { paths("practice$_", @{ $paths[$_] }) } 0 .. $#paths);
    }
    return;
}

sub classes {
    rows('classes', map {
        my ($name, $templates) = @$_;
        $option{each} ? map { [ $_, '_count=20', $_ ] } @$templates : [ $name, '_count=20', @$templates ];
    } @CLASSES);
    return;
}

sub dashboards {
    rows('dashboards', map {
        my ($name, $template) = @$_;
        my $includes = $template =~ s/ \+$//;
        ([ $name, '_count=20', $template ], $includes ? () : [ "$name, count", '_summary=count', $template ]);
    } @DASHBOARDS);
    return;
}

# ---- reads and writes of linked resources ----

# A patient's visit in nine types; the references name those before it.
my %PART = ('of patient' => '"subject":{"reference":"<Patient>"}',
    'in encounter' => '"encounter":{"reference":"<Encounter>"}');
my @LINKED = map { [ split /: /, s/<(\w+ \w+)>/$PART{$1}/gr, 2 ] } split /\n/, <<'END';
Organization: "name":"Clinic"
Practitioner: "name":[{"family":"Lee"}]
Location: "name":"Ward","managingOrganization":{"reference":"<Organization>"}
Patient: "name":[{"family":"Doe"}],"generalPractitioner":[{"reference":"<Practitioner>"}]
Encounter: "status":"finished","class":{"code":"AMB"},<of patient>,"location":[{"location":{"reference":"<Location>"}}]
Condition: <of patient>,<in encounter>,"code":{"text":"asthma"}
Observation: "status":"final",<of patient>,<in encounter>,"code":{"text":"peak flow"}
Procedure: "status":"completed",<of patient>,<in encounter>,"code":{"text":"spirometry"}
MedicationRequest: "status":"active","intent":"order",<of patient>,"medicationCodeableConcept":{"text":"salbutamol"}
END

# One step of each of n clients, side by side; each writes its seconds to a file. Returns them all.
sub side_by_side {
    my ($step, $clients) = (@_, $CONNECTIONS);
    my @pids = map {
        my $client = $_;
        my $pid = fork // die "fork: $!\n";
        if (!$pid) {
            my @seconds = eval { $step->($client) };
            print "$@" if $@;
            write_file(work_dir() . "/seconds.$client", join ' ', @seconds);
            POSIX::_exit($@ ? 1 : 0);
        }
        $pid;
    } 1 .. $clients;
    for (@pids) { waitpid $_, 0; die "a client failed\n" if $? }
    return map { split ' ', read_file(work_dir() . "/seconds.$_") } 1 .. $clients;
}

# Sets of linked resources, those of one client: each kept in a file between the steps.
sub crud {
    my $sets = 25;
    printf "crud: nine linked types, %d clients of %d sets each; CPU of httpd and PostgreSQL a request, p50, p99\n",
        $CONNECTIONS, $sets;
    my %step = (
        create => sub { my ($http, $set, $type, $body) = @_;
            my $done = send_one($http, POST => $type, $body, 201);
            $set->{$type} = $JSON->decode($done->{content}); return },
        read   => sub { my ($http, $set, $type) = @_;
            send_one($http, GET => "$type/$set->{$type}{id}", undef, 200); return },
        update => sub { my ($http, $set, $type) = @_;
            my $resource = $set->{$type};
            $resource->{language} = 'en';
            my $done = send_one($http, PUT => "$type/$resource->{id}", $JSON->encode($resource), 200,
                'If-Match' => qq(W/"$resource->{meta}{versionId}"));
            $set->{$type} = $JSON->decode($done->{content}); return },
        delete => sub { my ($http, $set, $type) = @_;
            send_one($http, DELETE => "$type/$set->{$type}{id}", undef, 204); return });
    for my $name (qw(create read update delete)) {
        my $before = cpu($httpd->{pid}) + cpu(postmaster());
        my @seconds = sort { $a <=> $b } side_by_side(sub {
            my ($client) = @_;
            my $http = HTTP::Tiny->new(keep_alive => 1, timeout => 60);
            my $file = work_dir() . "/sets.$client";
            my $kept = $name eq 'create' ? [ map { {} } 1 .. $sets ] : $JSON->decode(read_file($file));
            my @own;
            for my $set (@$kept) {
                for my $linked ($name eq 'delete' ? reverse @LINKED : @LINKED) {
                    my ($type, $members) = @$linked;
                    my $body = qq({"resourceType":"$type",$members})
                        =~ s{<(\w+)>}{ "$1/" . ($set->{$1}{id} // '') }ger;
                    my $start = time;
                    $step{$name}->($http, $set, $type, $body);
                    push @own, time - $start;
                }
            }
            write_file($file, $JSON->encode($kept));
            return @own;
        });
        my $cpu = (cpu($httpd->{pid}) + cpu(postmaster()) - $before) * 1e6 / @seconds;
        printf "%-16s %6.0f us  %6.1f %6.1f ms  of %d\n", $name, $cpu,
            map({ 1000 * $seconds[ $_ * $#seconds ] } 0.5, 0.99), scalar @seconds;
    }
    return;
}

# A patient with all that refers to it, as a transaction that creates them: what has an id is sent under a urn. Returns
# the Bundle and the number of its entries.
sub whole_patient {
    my ($seed) = @_;
    my @lines = split /\n/, run_ok({}, built('fhirctl'), 'sample', '--patients', 1, '--seed', $seed);
    my %urn;
    for (@lines) { $urn{"$1/$2"} = "urn:uuid:$1-$2" if /"resourceType":"(\w+)","id":"([^"]+)"/ }
    my @entries = map {
        my ($type, $id) = /"resourceType":"(\w+)","id":"([^"]+)"/ or die;
        s{"reference":"([^"]+)"}{'"reference":"' . ($urn{$1} || $1) . '"'}ge;
        qq({"fullUrl":"$urn{"$type/$id"}","request":{"method":"POST","url":"$type"},"resource":$_});
    } @lines;
    return ('{"resourceType":"Bundle","type":"transaction","entry":[' . join(',', @entries) . ']}', scalar @entries);
}

# Each client sends whole patients, one after the other: as many clients as there are turns of long work.
sub import_patients {
    my ($clients, $each) = (2, 4);
    my (@files, $n, $bytes);
    for my $seed (1 .. $clients * $each) {
        my ($bundle, $entries) = whole_patient($seed);
        push @files, write_file(work_dir() . "/patient.$seed", $bundle);
        $n += $entries;
        $bytes += length $bundle;
    }
    my ($start, $before) = (time, cpu($httpd->{pid}) + cpu(postmaster()));
    my @seconds = sort { $a <=> $b } side_by_side(sub {
        my ($client) = @_;
        my $http = HTTP::Tiny->new(keep_alive => 1, timeout => 600);
        return map {
            my $sent = time;
            my $done = $http->post($httpd->url('/dev/r4'), { content => read_file($files[$_]),
                headers => { 'Content-Type' => 'application/fhir+json', Prefer => 'return=minimal' } });
            die "transaction: $done->{status} " . substr($done->{content}, 0, 500) . "\n" if $done->{status} != 200;
            time - $sent;
        } grep { $_ % $clients == $client - 1 } 0 .. $#files;
    }, $clients);
    my $took = time - $start;
    printf "%-16s %7.0f resources/s  %.1f MB/s, %d patients of %d resources as transactions on %d connections; CPU of "
        . "httpd and PostgreSQL %.0f us a resource; p50 %.1f s, longest %.1f s\n", 'import', $n / $took,
        $bytes / 1e6 / $took, scalar @files, $n / @files, $clients,
        (cpu($httpd->{pid}) + cpu(postmaster()) - $before) * 1e6 / $n, $seconds[ @seconds / 2 ], $seconds[-1];
    return;
}

sub send_one {
    my ($http, $method, $path, $body, $status, %headers) = @_;
    $headers{'Content-Type'} = 'application/fhir+json' if defined $body;
    my $done = $http->request($method, $httpd->url("/dev/r4/$path"),
        { headers => \%headers, defined $body ? (content => $body) : () });
    die "$method $path: $done->{status} $done->{content}\n" if $done->{status} != $status;
    return $done;
}

1;
