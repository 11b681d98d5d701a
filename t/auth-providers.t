# SPDX-License-Identifier: Apache-2.0
# Passwords by httpd's authentication providers: a file, a DBM, a directory (LDAP), the built-in one, and several
# in turn. Who is known to them alone does not come in.
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::Auth;
use FHIR::Test::Httpd;
use FHIR::Test::System
    qw(apxs_value free_port guard_pid_file run spawn stop_pid unprivileged wait_for work_dir write_file);
use IO::Socket::INET;
use Test::More;

my $folder     = apxs_value('LIBEXECDIR');
my $password   = 'kept elsewhere 1';
my $dir        = work_dir();
my ($htpasswd) = grep { -x } '/usr/bin/htpasswd', '/usr/sbin/htpasswd';
my $hash       = $password && run({}, 'openssl', 'passwd', '-apr1', $password)->{ out };
write_file("$dir/users", "m.lopez:$hash" . "stranger:$hash");
run({}, 'perl', '-MSDBM_File', '-MFcntl', '-e',
    'tie my %h, "SDBM_File", shift, O_RDWR | O_CREAT, 0644 or die $!; ($h{"m.lopez"}) = shift =~ /(\S+)/',
    "$dir/dbm", $hash);

my %kinds = (
    file => { modules => [ 'authn_file' ], conf => "FHIRLoginProvider file\nAuthUserFile \"$dir/users\"" },
    dbm  => {
        modules => [ 'authn_dbm' ],
        conf    => "FHIRLoginProvider dbm\nAuthDBMType SDBM\nAuthDBMUserFile \"$dir/dbm\"" },
    'file and fhir' =>
        { modules => [ 'authn_file' ], conf => "FHIRLoginProvider fhir file\nAuthUserFile \"$dir/users\"" },);

# slapd with one person, if it is installed.
my $slapd = -x '/usr/sbin/slapd' ? start_slapd() : undef;
$kinds{ ldap } = {
    modules => [ qw(ldap authnz_ldap) ],
    conf    => "FHIRLoginProvider ldap\nAuthLDAPURL \"ldap://127.0.0.1:$slapd->{port}/dc=example?uid\"" }
    if $slapd;

sub start_slapd {
    my $port = free_port();
    mkdir "$dir/ldap";
    write_file("$dir/slapd.conf", <<"CONF");
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
pidfile $dir/slapd.pid
modulepath /usr/lib/ldap
moduleload back_mdb
database mdb
suffix "dc=example"
directory $dir/ldap
rootdn "cn=root,dc=example"
CONF
    write_file("$dir/people.ldif", <<"LDIF");
dn: dc=example
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: uid=m.lopez,dc=example
objectClass: inetOrgPerson
uid: m.lopez
cn: Maria Lopez
sn: Lopez
userPassword: $password
LDIF
    my $added = run({}, '/usr/sbin/slapadd', '-f', "$dir/slapd.conf", '-l', "$dir/people.ldif");
    die "slapadd: $added->{err}" if $added->{ status };
    guard_pid_file("$dir/slapd.pid");
    my $pid = spawn({ out => "$dir/slapd.out", err => "$dir/slapd.out" },
        '/usr/sbin/slapd', '-d', '0', '-f', "$dir/slapd.conf", '-h', "ldap://127.0.0.1:$port");
    wait_for(sub { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) }, 15)
        or die 'slapd does not listen';
    return { pid => $pid, port => $port };
}

my $t = FHIR::Test->new;
my $w = world($t);
$w->ctl('user', 'add', 'm.lopez', '--kind', 'staff', '--external', '--resource', 'Practitioner/doc');
for my $kind (sort keys %kinds) {
    my $httpd = $t->second(modules => $kinds{ $kind }{ modules }, endpoints => <<"CONF");
<Location "/fhir/r4">
    FHIREndpoint R4 provider
    $kinds{$kind}{conf}
</Location>
CONF
    my $base = $httpd->url('/fhir/r4');
    local $w->{ httpd } = $httpd;
    my ($back, $verifier) = $w->code($base, 'conf', 'm.lopez', 'openid user/Patient.rs', password => $password);
    ok($back->{ code }, "$kind: signed in") or next;
    my $token = $w->redeem($base, 'conf', $back->{ code }, $verifier);
    is($token->status,                                                                     200, '  a token');
    is($httpd->get('/fhir/r4/Patient/p1', bearer($token->json->{ access_token }))->status, 200, '  which is taken');
    my $page = $w->code($base, 'conf', 'm.lopez', 'user/Patient.rs', password => 'wrong')
        && ($w->code($base, 'conf', 'm.lopez', 'user/Patient.rs', password => 'wrong'))[ 3 ];
    like($page->body, qr/User name or password is wrong/, '  a wrong password');
    $t->psql('DELETE FROM main.fhir_attempt');

    if ($kind =~ /file/) {
        $page = ($w->code($base, 'conf', 'stranger', 'user/Patient.rs', password => $password))[ 3 ];
        like($page->body, qr/this practice has no account/, '  who is known to the provider alone is told so');
    }
    my $own = ($w->code($base, 'conf', 'clinician', 'user/Patient.rs'))[ 0 ];
    is( !!$own->{ code },
        $kind =~ /fhir/ ? 1 : '',
        '  the built-in provider is asked ' . ($kind =~ /fhir/ ? 'first' : 'no more'));
    $t->psql('DELETE FROM main.fhir_attempt');
}
stop_pid($slapd->{ pid }) if $slapd;
SKIP: { skip 'slapd is not installed', 1 unless $slapd; pass 'a directory was asked' }

my $bad = FHIR::Test::Httpd->new(
    endpoints => "<Location \"/x\">\nFHIREndpoint R4 provider\nFHIRLoginProvider ldap\n</Location>\n")->check_config;
isnt($bad->{ status }, 0, 'a provider whose module is not loaded stops the start');
like($bad->{ err }, qr/no module provides ldap/, '  which says so');
$t->done;
